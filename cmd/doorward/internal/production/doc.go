// Package production runs the whole suite in one process in production settings: what `doorward serve` is.
//
// It makes nothing by itself, neither certificates nor keys nor API keys. It demands what `doorward init` made, looks at all of it before anything
// starts, and refuses whatever was made for development; there is no setting that allows it. The NATS server is embedded, with every message on the disk before
// it is acknowledged, or another one.
//
// How the services are wired and in which order they stop is the suite package's, the same as in development. What `doorward dev` makes by itself is the
// development package's.
package production
