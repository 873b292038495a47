package development

import "github.com/doorward/doorward/services/risk"

// allowUnknownCountry is the one thing in which a development suite's policy differs: on loopback every country is unknown, and every sign-in
// would need a second check.
func allowUnknownCountry(p *risk.Policy) { p.Caps.UnknownCountry = risk.Allow }
