package boltstore

// SchemaVersion is the layout that this release writes.
const SchemaVersion = schema
