package boltstore

import (
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/services/authn/internal/containment"
	"github.com/doorward/doorward/services/authn/internal/store"
)

var (
	alertsByTime = boltdb.Multi{Bucket: "alerts_by_time"}

	alertSet = set[containment.Alert]{
		table: boltdb.Table[containment.Alert]{Bucket: "alerts"},
		key:   func(a containment.Alert) string { return a.EventID },
		lists: []list[containment.Alert]{
			{alertsByTime, func(a containment.Alert) string { return moment(a.At) }},
		},
	}
)

type alerts struct{ tx *bolt.Tx }

var _ store.Alerts = alerts{}

func (a alerts) Get(eventID string) (containment.Alert, bool, error) {
	return alertSet.table.Get(a.tx, eventID)
}

func (a alerts) Put(alert containment.Alert) error { return alertSet.put(a.tx, alert) }

func (a alerts) DeleteBefore(t time.Time, limit int) (int, error) {
	return alertSet.deleteBefore(a.tx, alertsByTime, t, limit)
}
