// Package config reads what a process needs to start: from its defaults, a YAML
// file, the environment and flags, each later one winning.
//
// A process declares one struct. Its fields have a key, a sentence, and a default:
//
//	type Config struct {
//		Port  int           `koanf:"port"   doc:"TCP port of the gRPC server"`
//		Drain time.Duration `koanf:"drain"  doc:"how long calls in flight may take at the stop"`
//		SMTP  struct {
//			Host     string `koanf:"host"     doc:"mail relay"`
//			Password string `koanf:"password" doc:"for the relay" secret:"true"`
//		} `koanf:"smtp"`
//	}
//
// The key smtp.host is DOORWARD_SMTP_HOST in the environment and smtp.host among
// the flags. Fields are strings, booleans, numbers, durations with a unit, types
// with UnmarshalText, and slices of those; in text a slice is separated by commas.
//
// Nothing is guessed: a key that the struct lacks is a fault, so is a value of
// another type, and all faults are reported at once, each with where it came from.
// A struct that has Validate() Faults is asked too, with keys as it sees them.
//
// The package knows no key and no service. What operators tune while a process
// runs is policy, and elsewhere.
package config
