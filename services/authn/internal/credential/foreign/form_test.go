package foreign_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/authn/internal/credential/foreign"
)

// vector is a stored form whose password is known.
type vector struct {
	name, stored, password, kind string
}

// vectors are published ones, except where it says that they were computed for this test.
var vectors = []vector{
	// The reference implementation's (P-H-C/phc-winner-argon2, src/test.c).
	{"argon2i", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8", "password", "argon2i"},
	{"argon2i, two threads", "$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQ$T/XOJ2mh1/TIpJHfCdQan76Q5esCFVoT5MAeIM1Oq2E", "password", "argon2i"},
	// crypt_blowfish 1.3's (openwall.com/crypt, wrapper.c).
	{"bcrypt 2a", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", "bcrypt"},
	{"bcrypt 2b", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", "bcrypt"},
	{"bcrypt 2y", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", "bcrypt"},
	{
		"bcrypt of more than it looks at", "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored", "bcrypt",
	},
	// RFC 7914, section 12, in the form of PHC and of passlib.
	{"scrypt", "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA", "password", "scrypt"},
	// RFC 6070, in each dialect.
	{"pbkdf2 of passlib, sha1", "$pbkdf2$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE", "password", "pbkdf2-sha1"},
	{"pbkdf2 of PHC, sha1", "$pbkdf2-sha1$i=4096,l=20$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE", "password", "pbkdf2-sha1"},
	{"pbkdf2 of Django, sha1", "pbkdf2_sha1$4096$salt$SwB5AbdlSJq+rUnZJvch0GWkKcE=", "password", "pbkdf2-sha1"},
	// passlib's documentation of pbkdf2_sha256.
	{"pbkdf2 of passlib, sha256", "$pbkdf2-sha256$8000$XAuBMIYQQogxRg$tRRlz8hYn63B9LYiCd6PRo6FMiunY9ozmMMI3srxeRE", "password", "pbkdf2-sha256"},
	{"pbkdf2 of PHC, sha256", "$pbkdf2-sha256$i=8000$XAuBMIYQQogxRg$tRRlz8hYn63B9LYiCd6PRo6FMiunY9ozmMMI3srxeRE", "password", "pbkdf2-sha256"},
	// Django's own tests (tests/auth_tests/test_hashers.py).
	{"pbkdf2 of Django, sha256", "pbkdf2_sha256$10000$seasalt$FQCNpiZpTb0zub+HBsH6TOwyRxJ19FwvjbweatNmK/Y=", "letmein", "pbkdf2-sha256"},
	// Computed with Python's hashlib.
	{
		"pbkdf2 of Django, sha512", "pbkdf2_sha512$1000$seasalt$xnY3pOMYkzQ6mQa06bqBAgMiZvCMFVqzMtqgHHz5YCcjVpyNM6wnN/+pSWGRJuhvoBje0h7wU07fXdKBCbYfsw==",
		"letmein", "pbkdf2-sha512",
	},
	// github.com/firebase/scrypt, README.md.
	{"firebase", firebaseVector, "user1password", "firescrypt"},
	// Drepper's "SHA-crypt" 0.6, its test vectors.
	{"sha256-crypt", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!", "sha256-crypt"},
	{"sha256-crypt, 10000 rounds", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "Hello world!", "sha256-crypt"},
	{"sha256-crypt, 5000 rounds", "$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5", "This is just a test", "sha256-crypt"},
	{
		"sha256-crypt of a long text", "$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1",
		"a very much longer text to encrypt.  This one even stretches over morethan one line.", "sha256-crypt",
	},
	{"sha256-crypt, fewest rounds", "$5$rounds=1000$roundstoolow$yfvwcWrQ8l/K0DAWyuPMDNHpIVlTQebY9l/gL972bIC", "the minimum number is still observed", "sha256-crypt"},
	{"sha512-crypt", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1", "Hello world!", "sha512-crypt"},
	{
		"sha512-crypt, 5000 rounds", "$6$rounds=5000$toolongsaltstrin$lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0",
		"This is just a test", "sha512-crypt",
	},
	{
		"sha512-crypt of a long text", "$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1",
		"a very much longer text to encrypt.  This one even stretches over morethan one line.", "sha512-crypt",
	},
	{
		"sha512-crypt, fewest rounds", "$6$rounds=1000$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX.",
		"the minimum number is still observed", "sha512-crypt",
	},
}

func TestThePublishedVectorsAreRight(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			form, err := foreign.Parse(v.stored)
			if err != nil {
				t.Fatal(err)
			}
			if form.Kind != v.kind || !form.Matches([]byte(v.password)) {
				t.Errorf("kind %s, and its password is wrong", form.Kind)
			}
			if form.Matches([]byte(v.password + "\x00")) { // to an HMAC and to bcrypt the same
				t.Error("it is right with a NUL at its end")
			}
		})
	}
}

// TestASpecimenCostsTheSameAndIsNobodys: it is a form of its own kind, whose specimen it is itself.
func TestASpecimenCostsTheSameAndIsNobodys(t *testing.T) {
	for _, v := range vectors {
		form, err := foreign.Parse(v.stored)
		if err != nil {
			t.Fatal(err)
		}
		specimen, err := foreign.Parse(form.Specimen)
		if err != nil {
			t.Errorf("%s: its specimen isn't read: %v", v.name, err)
			continue
		}
		if specimen.Kind != form.Kind || specimen.MemoryKiB != form.MemoryKiB || specimen.Specimen != form.Specimen {
			t.Errorf("%s: the specimen of %s is %s", v.name, form.Specimen, specimen.Specimen)
		}
		for _, secret := range strings.Split(v.stored, "$")[3:] {
			if !strings.Contains(secret, ",") && strings.Contains(form.Specimen, secret) { // parameters have commas
				t.Errorf("%s: the specimen has something of the form: %s", v.name, form.Specimen)
			}
		}
	}
}

func TestAPasswordThatIsntComparedToItsEndIsntWhole(t *testing.T) {
	form, err := foreign.Parse("$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui")
	if err != nil {
		t.Fatal(err)
	}
	const counted = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	for password, whole := range map[string]bool{counted: true, counted + "!": false, counted + " and more": false} {
		if !form.Matches([]byte(password)) || form.Whole([]byte(password)) != whole {
			t.Errorf("%d bytes: right %t, whole %t; want true, %t", len(password), form.Matches([]byte(password)), form.Whole([]byte(password)), whole)
		}
	}
}

func TestACryptPasswordBeyondTheBoundIsWrong(t *testing.T) {
	// Computed with glibc's crypt: 128 and 129 times the letter a.
	for stored, c := range map[string]struct {
		length int
		right  bool
	}{
		crypt128: {128, true}, crypt129: {129, false},
	} {
		form, err := foreign.Parse(stored)
		if err != nil {
			t.Fatal(err)
		}
		if got := form.Matches([]byte(strings.Repeat("a", c.length))); got != c.right {
			t.Errorf("%d bytes: right %t, want %t", c.length, got, c.right)
		}
	}
}

// TestNoOtherPasswordIsRight: whatever is typed instead, it isn't taken for the password.
func TestNoOtherPasswordIsRight(t *testing.T) {
	cheap := []vector{
		{"", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8", "password", ""},
		{"", "$2b$04$......................Syd4KYxmAS1yW2i4q32tNmiGES8QLYu", "right", ""},
		{"", "$pbkdf2$10$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE", "", ""},
		{"", "$scrypt$ln=4,r=1,p=1$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18s", "", ""},
		{"", "$5$rounds=1000$roundstoolow$yfvwcWrQ8l/K0DAWyuPMDNHpIVlTQebY9l/gL972bIC", "the minimum number is still observed", ""},
	}
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom(cheap).Draw(t, "form")
		password := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", v.password, v.password + "\x00" + v.password}), rapid.Map(rapid.String(), func(s string) string { return v.password + s })).Draw(t, "password")
		form, err := foreign.Parse(v.stored)
		if err != nil {
			t.Fatal(err)
		}
		if form.Matches([]byte(password)) != (password != "" && password == v.password) {
			t.Fatalf("%q is right: %t", password, form.Matches([]byte(password)))
		}
	})
}

const (
	firebaseVector = "$firescrypt$ln=14,r=8$42xEC+ixf3L2lw$Bw$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA" +
		"$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ"
	crypt128 = "$5$rounds=1000$roundstoolow$3j.GOP91B9Nh1U5FLm2K8swZdd68o4Aj5Ce0dVRSMz/"
	crypt129 = "$5$rounds=1000$roundstoolow$KyNdbk5rkhQTNyIJzywylfTM8XYSR.TB3qNU4gENyf7"
)
