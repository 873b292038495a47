package main

// breachCmd groups what operators do about breached passwords.
type breachCmd struct {
	Build breachBuildCmd `cmd:"" help:"Compile downloaded hashes of breached passwords into a corpus."`
	Check breachCheckCmd `cmd:"" help:"Say whether passwords are known from breaches."`
}

func (breachCmd) Help() string {
	return "How to get the hashes, and what a corpus costs, is in docs/breached-passwords.md. Example:\n\n  doorward breach build --from pwned-passwords.txt --out corpus.fuse"
}
