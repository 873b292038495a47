package boltstore

import (
	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/store"
)

var (
	devicesByUser = boltdb.Multi{Bucket: "devices_by_user"}

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

func (d devices) Put(record device.Device) error { return deviceSet.put(d.tx, record) }

func (d devices) Delete(id string) error { return deviceSet.delete(d.tx, id) }
