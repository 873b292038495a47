// Package backup takes copies of services' stores and keeps them so that each is whole or not there.
//
// It owns the BackupService that every service with a store in a file registers, the client that takes a copy to disk, and the manifest that
// lies beside one. It doesn't own a store: internal/boltdb plays the role Store, checks copies and marks them, and puts one in the place of
// a store. It knows no service: what a restored store must forget is that service's to say.
//
//	BackupService ── Store.Snapshot ── stream ──▶ Take ──▶ Keep ── <service>.db, <service>.json ──▶ Find ── Copy.WriteTo ──▶ restore
//	  (in a service)                              (doorward backup)                                          (in a service's Restore)
//
// A copy is marked inside, so that a service refuses to start on it: it must come back through a restore, which ends what was revoked since.
//
// Called by the services' wiring, by internal/boltdb before it migrates a store, and by doorward's commands.
package backup
