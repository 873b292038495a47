package boltstore

import (
	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/store"
)

var (
	devicesByUser  = boltdb.Multi{Bucket: "devices_by_user"}
	deviceBySecret = boltdb.Unique{Bucket: "devices_by_secret"}

	deviceSet = set[device.Device]{
		table: boltdb.Table[device.Device]{Bucket: "devices"},
		key:   func(d device.Device) string { return d.ID },
		lists: []list[device.Device]{
			{devicesByUser, func(d device.Device) string { return d.UserID }},
		},
	}
)

type devices struct{ tx *bolt.Tx }

var _ store.Devices = devices{}

func (d devices) Get(id string) (device.Device, bool, error) { return deviceSet.table.Get(d.tx, id) }

func (d devices) OfUser(userID string) ([]device.Device, error) {
	ids, err := idsUnder(d.tx, devicesByUser, userID, all)
	if err != nil {
		return nil, err
	}
	return deviceSet.fetch(d.tx, ids)
}

func (d devices) BySecret(digest secret.Digest) (device.Device, bool, error) {
	return find(d.tx, deviceBySecret, deviceSet.table, string(digest[:]))
}

func (d devices) Put(record device.Device) error {
	if err := d.moveSecrets(record.ID, record); err != nil {
		return err
	}
	return deviceSet.put(d.tx, record)
}

func (d devices) Delete(id string) error {
	if err := d.moveSecrets(id, device.Device{}); err != nil {
		return err
	}
	return deviceSet.delete(d.tx, id)
}

// moveSecrets keeps deviceBySecret in step.
func (d devices) moveSecrets(id string, next device.Device) error {
	old, _, err := deviceSet.table.Get(d.tx, id)
	if err != nil {
		return err
	}
	are := secretsOf(next)
	for digest := range secretsOf(old) {
		if are[digest] {
			continue
		}
		if err := deviceBySecret.Release(d.tx, string(digest[:]), id); err != nil {
			return err
		}
	}
	for digest := range are {
		if _, err := deviceBySecret.Claim(d.tx, string(digest[:]), id); err != nil {
			return err
		}
	}
	return nil
}

// secretsOf are all that a device is recognised by.
func secretsOf(d device.Device) map[secret.Digest]bool {
	digests := map[secret.Digest]bool{}
	for _, digest := range append([]secret.Digest{d.Secret, d.Previous}, d.Spent...) {
		if !digest.IsZero() {
			digests[digest] = true
		}
	}
	return digests
}
