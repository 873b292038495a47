// Package geo says which country a network address belongs to and how far two countries are apart.
//
// It owns the country data that ships with Doorward: the address file in data/, embedded in the binary, and the table of
// countries in countries_gen.go. Both are written by gendata, which `make data` runs; data/README.md gives source, licence
// and date of each. It does not judge anything: what a country means for a sign-in is decided in signal and score.
//
// An address without a country is an ordinary answer, reported as such and never guessed: loopback, private, shared
// (carrier-grade NAT), documentation and other addresses that belong to no place, addresses the file doesn't know, and
// codes that aren't a present-day country.
//
// risk's flow calls Lookup for each assessment; signal calls Gap; the demo and the attack simulations call Sample and
// Networks, so that no address of a country is typed in anywhere.
package geo
