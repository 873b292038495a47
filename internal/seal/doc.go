// Package seal encrypts a message for one reader, so that what carries it (a stream, its backups) can't read it.
//
// authn seals mail that holds a code or a link to notify's public key; notify opens it just before it is sent. The
// scheme is HPKE (RFC 9180, crypto/hpke) in base mode with ML-KEM-768 + X25519 ("X-Wing"), HKDF-SHA256 and
// AES-256-GCM: a stream recorded today stays closed to a quantum computer later. The price is 1,120 bytes a message.
//
// A sealed message is bound to its AAD (message id, recipient, purpose, expiry). So nobody can send a sealed mail to
// another address, use it as another kind of mail, or deliver it late. Base mode says nothing about the sender:
// who may publish is for the bus's permissions.
//
// A key has an id derived from it. An Opener holds the current key and the old ones, kept as long as the stream that
// carries sealed messages; a Recipient is the public half that the sender is given. To rotate: CreateKey, give the
// reader both files, then give the sender the new public file.
package seal
