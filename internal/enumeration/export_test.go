package enumeration

import (
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// ShapeOf lets tests compare shapes without a server.
func ShapeOf(response proto.Message, err error, header, trailer metadata.MD, address string, at time.Time) string {
	return shapeOf(seen{response: response, err: err, header: header, trailer: trailer, address: address, at: at})
}

// The stored forms, for a test that they are well formed.
var (
	UnknownBcrypt   = unknownBcrypt
	UnknownArgon2id = unknownArgon2id
)
