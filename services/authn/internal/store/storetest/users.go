package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/store"
)

func putUser(tx store.Tx, u account.User) error { return tx.Users.Put(u) }

func userByID(id string) lookup[account.User] {
	return func(tx store.Tx) (account.User, bool, error) { return tx.Users.Get(id) }
}

func userByEmail(canonical string) lookup[account.User] {
	return func(tx store.Tx) (account.User, bool, error) { return tx.Users.ByEmail(canonical) }
}

func userTests() []test {
	return []test{
		{"GivesBackWhatItWasGiven", func(t *testing.T, s store.Store) {
			empty := account.User{ID: ident("usr", 2)}
			puts(t, s, putUser, user(1), empty)
			wantFound(t, s, "a full record", userByID(user(1).ID), user(1))
			wantFound(t, s, "an empty record", userByID(empty.ID), empty)
			wantAbsent(t, s, "an unknown id", userByID(ident("usr", 3)))
			wantAbsent(t, s, "no id", userByID(""))
		}},
		{"OnlyPresentVerifiedAddressesNameAUser", onlyPresentVerified},
		{"AnAddressHasOneUser", oneUserPerAddress},
		{"ATakenAddressIsARefusalThatWroteNothing", takenWroteNothing},
		{"ARemovedAddressIsFreeAgain", removedIsFree},
		{"AnImportedAddressNamesAUserThoughUnproved", claimedNames},
		{"ExternalIDsAndRowsNameOneUser", othersNames},
		{"ListGoesOnFromTheOldest", func(t *testing.T, s store.Store) {
			list := func(after string, limit int) func(store.Tx) ([]account.User, error) {
				return func(tx store.Tx) ([]account.User, error) { return tx.Users.List(after, limit) }
			}
			wantList(t, s, "nobody", list("", 10))
			puts(t, s, putUser, user(4), user(1), user(2))
			wantList(t, s, "all", list("", 10), user(1), user(2), user(4))
			wantList(t, s, "the oldest two", list("", 2), user(1), user(2))
			wantList(t, s, "after the oldest", list(ident("usr", 1), 10), user(2), user(4))
			wantList(t, s, "after one that isn't there", list(ident("usr", 3), 10), user(4))
			wantList(t, s, "after the newest", list(ident("usr", 4), 10))
			wantList(t, s, "none asked for", list("", 0))
		}},
		{"AMailboxHasTheUsersWithAnAddressThatMayBeIts", mailboxes},
		{"CountIsHowManyThereAre", func(t *testing.T, s store.Store) {
			count := func(want int) {
				t.Helper()
				view(t, s, func(tx store.Tx) error {
					got, err := tx.Users.Count()
					if got != want {
						t.Errorf("%d users are counted, want %d", got, want)
					}
					return err
				})
			}
			count(0)
			puts(t, s, putUser, user(1), user(2))
			puts(t, s, putUser, user(2))
			count(2)
		}},
		{"ManyMayWaitForTheSameAddress", func(t *testing.T, s store.Store) {
			first, second := user(1), user(2)
			second.Emails[1] = first.Emails[1]
			first.Emails[1].VerifiedAt, second.Emails[1].VerifiedAt = time.Time{}, time.Time{}
			puts(t, s, putUser, first, second)
			second.Emails[1].VerifiedAt = at(0)
			puts(t, s, putUser, second)
			wantFound(t, s, "who verified it", userByEmail(address(1)), second)
		}},
	}
}

func mailboxes(t *testing.T, s store.Store) {
	of := func(key string, limit int) func(store.Tx) ([]account.User, error) {
		return func(tx store.Tx) ([]account.User, error) { return tx.Users.ByMailbox(key, limit) }
	}
	tagged, other := user(1), user(2)
	tagged.Emails[1].Address, tagged.Emails[1].Canonical = "ada+tag@example.com", "ada+tag@example.com"
	other.Emails[1].Address, other.Emails[1].Canonical = "ada@example.com", "ada@example.com"
	third := user(3)
	third.Emails[1].Address, third.Emails[1].Canonical = "ada+2@example.com", "ada+2@example.com"
	wantList(t, s, "nobody's", of("@ada@example.com", 10))
	puts(t, s, putUser, third, other, tagged)
	wantList(t, s, "with a tag", of("+ada@example.com", 10), tagged, third)
	wantList(t, s, "the oldest", of("+ada@example.com", 1), tagged)
	wantList(t, s, "without", of("@ada@example.com", 10), other)
	wantList(t, s, "as a whole", of("@ada+tag@example.com", 10), tagged)
	wantList(t, s, "one of a removed address", of("@gone@example.com", 10))
	tagged.Emails[1].RemovedAt, other.Emails[1].VerifiedAt = at(5), time.Time{}
	puts(t, s, putUser, other, tagged)
	wantList(t, s, "one unverified", of("@ada@example.com", 10))
	wantList(t, s, "one removed", of("+ada@example.com", 10), third)
}

func onlyPresentVerified(t *testing.T, s store.Store) {
	u := user(1)
	u.Emails = append(u.Emails, account.Email{ID: ident("eml", 9), Address: "new@example.com", Canonical: "new@example.com"})
	puts(t, s, putUser, u)
	wantFound(t, s, "a present, verified one", userByEmail(address(1)), u)
	wantAbsent(t, s, "a removed one", userByEmail("gone@example.com"))
	wantAbsent(t, s, "an unverified one", userByEmail("new@example.com"))
	wantAbsent(t, s, "the form as typed", userByEmail(u.Emails[1].Address))
	wantAbsent(t, s, "none", userByEmail(""))
	wantFound(t, s, "the id of its user", ownerOf(address(1)), u.ID)
	wantAbsent(t, s, "the id of who removed it", ownerOf("gone@example.com"))
	wantAbsent(t, s, "the id of who didn't verify it", ownerOf("new@example.com"))
	u.Emails[2].VerifiedAt = at(1)
	puts(t, s, putUser, u)
	wantFound(t, s, "the new one, verified", userByEmail("new@example.com"), u)
	wantFound(t, s, "the old one", userByEmail(address(1)), u)
}

func claimedNames(t *testing.T, s store.Store) {
	u := user(1)
	u.Emails[1].VerifiedAt, u.Emails[1].Claimed = time.Time{}, true
	puts(t, s, putUser, u)
	wantFound(t, s, "the address", userByEmail(address(1)), u)
	wantAbsent(t, s, "a removed one", userByEmail("gone@example.com"))
	second := user(2)
	second.Emails = append(second.Emails, email(1))
	if err := tryUpdate(t.Context(), s, func(tx store.Tx) error { return tx.Users.Put(second) }); !errors.Is(err, store.ErrEmailTaken) {
		t.Errorf("err = %v, want ErrEmailTaken", err)
	}
	u.Emails[1].VerifiedAt, u.Emails[1].Claimed = at(1), false
	puts(t, s, putUser, u)
	wantFound(t, s, "the address, proved", userByEmail(address(1)), u)
}

func othersNames(t *testing.T, s store.Store) {
	byExternalID := func(id string) lookup[account.User] {
		return func(tx store.Tx) (account.User, bool, error) { return tx.Users.ByExternalID(id) }
	}
	byRow := func(row secret.Digest) lookup[account.User] {
		return func(tx store.Tx) (account.User, bool, error) { return tx.Users.ByImport(row) }
	}
	first := user(1)
	puts(t, s, putUser, first, account.User{ID: ident("usr", 3)})
	wantFound(t, s, "an external id", byExternalID("ext-1"), first)
	wantAbsent(t, s, "another", byExternalID("ext-2"))
	wantAbsent(t, s, "none", byExternalID(""))
	wantFound(t, s, "a row", byRow(first.Import.Row), first)
	wantAbsent(t, s, "another row", byRow(digest("row", 2)))
	for name, c := range map[string]struct {
		change func(*account.User)
		want   error
	}{
		"the external id": {func(u *account.User) { u.ExternalID = "ext-1" }, store.ErrExternalIDTaken},
		"the row":         {func(u *account.User) { u.Import.Row = first.Import.Row }, store.ErrRowTaken},
	} {
		second := user(2)
		c.change(&second)
		if err := tryUpdate(t.Context(), s, func(tx store.Tx) error { return tx.Users.Put(second) }); !errors.Is(err, c.want) {
			t.Errorf("%s: err = %v, want %v", name, err, c.want)
		}
	}
	wantAbsent(t, s, "the refused user", userByID(ident("usr", 2)))
	first.ExternalID = "ext-9"
	second := user(2)
	second.ExternalID = "ext-1"
	puts(t, s, putUser, first, second)
	wantFound(t, s, "one that was given up", byExternalID("ext-1"), second)
}

func specimenTests() []test {
	return []test{
		{"EachKindHasOne", func(t *testing.T, s store.Store) {
			list := func(tx store.Tx) ([]credential.Specimen, error) { return tx.Specimens.List() }
			put := func(tx store.Tx, c credential.Specimen) error { return tx.Specimens.Put(c) }
			wantList(t, s, "none", list)
			other := credential.Specimen{Kind: "argon2i", Form: "$argon2i$…", Work: 5}
			puts(t, s, put, specimen(1), other, specimen(2))
			wantList(t, s, "one of each kind", list, other, specimen(2))
		}},
	}
}

func oneUserPerAddress(t *testing.T, s store.Store) {
	puts(t, s, putUser, user(1))
	second := user(2)
	second.Emails = append(second.Emails, email(1))
	if err := tryUpdate(t.Context(), s, func(tx store.Tx) error { return tx.Users.Put(second) }); !errors.Is(err, store.ErrEmailTaken) {
		t.Errorf("err = %v, want ErrEmailTaken", err)
	}
	wantFound(t, s, "its first user", userByEmail(address(1)), user(1))
	puts(t, s, putUser, user(1)) // its own address is never taken
}

func takenWroteNothing(t *testing.T, s store.Store) {
	puts(t, s, putUser, user(1), user(3))
	changed := user(3)
	changed.Version++
	changed.Emails = []account.Email{email(2), email(1)} // the first one is free, the second one is user 1's
	neighbour := dev(1, 3)
	update(t, s, func(tx store.Tx) error {
		if err := tx.Users.Put(changed); !errors.Is(err, store.ErrEmailTaken) {
			t.Errorf("err = %v, want ErrEmailTaken", err)
		}
		return tx.Devices.Put(neighbour) // a refusal is a value: what else the transaction writes is kept
	})
	wantFound(t, s, "the user as before", userByID(changed.ID), user(3))
	wantFound(t, s, "the address as before", userByEmail(address(3)), user(3))
	wantFound(t, s, "the other's address", userByEmail(address(1)), user(1))
	wantAbsent(t, s, "the free address", userByEmail(address(2)))
	wantFound(t, s, "the transaction's other write", deviceByID(neighbour.ID), neighbour)
}

func removedIsFree(t *testing.T, s store.Store) {
	first := user(1)
	puts(t, s, putUser, first)
	first.Emails[1].RemovedAt = at(1)
	second := user(2)
	second.Emails = append(second.Emails, email(1))
	puts(t, s, putUser, first, second)
	wantFound(t, s, "its second user", userByEmail(address(1)), second)
	puts(t, s, putUser, first) // whoever had it once doesn't free it for the one who has it now
	wantFound(t, s, "its second user", userByEmail(address(1)), second)
	first.Emails[1].RemovedAt = time.Time{}
	if err := tryUpdate(t.Context(), s, func(tx store.Tx) error { return tx.Users.Put(first) }); !errors.Is(err, store.ErrEmailTaken) {
		t.Errorf("taking it back: err = %v, want ErrEmailTaken", err)
	}
}

func ownerOf(canonical string) lookup[string] {
	return func(tx store.Tx) (string, bool, error) { return tx.Users.OwnerOf(canonical) }
}

func putDevice(tx store.Tx, d device.Device) error { return tx.Devices.Put(d) }

func deviceByID(id string) lookup[device.Device] {
	return func(tx store.Tx) (device.Device, bool, error) { return tx.Devices.Get(id) }
}

func deviceBySecret(digest secret.Digest) lookup[device.Device] {
	return func(tx store.Tx) (device.Device, bool, error) { return tx.Devices.BySecret(digest) }
}

func devicesOf(owner int) func(store.Tx) ([]device.Device, error) {
	return func(tx store.Tx) ([]device.Device, error) { return tx.Devices.OfUser(ident("usr", owner)) }
}

func deviceTests() []test {
	return []test{
		{"GivesBackWhatItWasGiven", func(t *testing.T, s store.Store) {
			empty := device.Device{ID: ident("dev", 2), UserID: ident("usr", 1)}
			puts(t, s, putDevice, dev(1, 1), empty)
			wantFound(t, s, "a full record", deviceByID(dev(1, 1).ID), dev(1, 1))
			wantFound(t, s, "an empty record", deviceByID(empty.ID), empty)
			wantAbsent(t, s, "an unknown id", deviceByID(ident("dev", 3)))
		}},
		{"OfUserIsAllOfThatUsersOldestFirst", func(t *testing.T, s store.Store) {
			puts(t, s, putDevice, dev(3, 1), dev(1, 1), dev(2, 2), dev(4, 1))
			wantList(t, s, "user 1", devicesOf(1), dev(1, 1), dev(3, 1), dev(4, 1))
			wantList(t, s, "user 2", devicesOf(2), dev(2, 2))
			wantList(t, s, "nobody", devicesOf(3))
		}},
		{"BySecretFindsWhoseSecretItIsOrWas", func(t *testing.T, s store.Store) {
			d := dev(1, 1)
			puts(t, s, putDevice, d, dev(2, 1), device.Device{ID: ident("dev", 3), UserID: ident("usr", 1)})
			for _, digest := range append([]secret.Digest{d.Secret, d.Previous}, d.Spent...) {
				wantFound(t, s, "its device", deviceBySecret(digest), d)
			}
			wantAbsent(t, s, "nobody's", deviceBySecret(dev(9, 1).Secret))
			wantAbsent(t, s, "no secret", deviceBySecret(secret.Digest{}))
			forgotten := d.Spent[0]
			d.Secret, d.Previous, d.Spent = digest("device again", 1), d.Secret, append(d.Spent[1:], d.Previous)
			puts(t, s, putDevice, d)
			wantFound(t, s, "by the new one", deviceBySecret(d.Secret), d)
			wantFound(t, s, "by the one before", deviceBySecret(d.Previous), d)
			wantAbsent(t, s, "by one that it has forgotten", deviceBySecret(forgotten))
		}},
		{"PutReplacesTheWholeRecord", func(t *testing.T, s store.Store) {
			changed := device.Device{ID: ident("dev", 1), UserID: ident("usr", 2)}
			puts(t, s, putDevice, dev(1, 1), changed)
			wantFound(t, s, "the record", deviceByID(changed.ID), changed)
			wantList(t, s, "whose it was", devicesOf(1))
			wantList(t, s, "whose it is", devicesOf(2), changed)
		}},
		{"DeletedIsGoneFromEverywhere", func(t *testing.T, s store.Store) {
			puts(t, s, putDevice, dev(1, 1), dev(2, 1))
			remove := func(tx store.Tx, id string) error { return tx.Devices.Delete(id) }
			puts(t, s, remove, ident("dev", 1), ident("dev", 1), ident("dev", 9))
			wantAbsent(t, s, "the record", deviceByID(ident("dev", 1)))
			wantAbsent(t, s, "by its secret", deviceBySecret(dev(1, 1).Secret))
			wantList(t, s, "the user's", devicesOf(1), dev(2, 1))
		}},
	}
}
