package main

import (
	"fmt"
	"time"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/internal/certs"
)

type certsCmd struct {
	Create certsCreateCmd `cmd:"" default:"withargs" help:"Make the missing certificates and renew those that end soon (the default)."`
	Renew  certsRenewCmd  `cmd:"" help:"Issue certificates anew, however good they are."`
}

func (certsCmd) Help() string {
	return "Works on files, where ca.key is. Running services take renewed files up by themselves. More flags, such as --dir and --host:\n\n  doorward certs create --help\n\nExample:\n\n  doorward certs renew --dir /etc/doorward/certs"
}

// certsDir is where the certificates are, and how new ones are made.
type certsDir struct {
	Dir      string        `placeholder:"DIR" help:"Directory of ca.pem, ca.key and <name>.pem, <name>.key, instead of DOORWARD_CERTS or .doorward/certs."`
	Host     []string      `help:"A DNS name or address under which the services are reached; may be repeated. localhost, and those of the certificates that are replaced, always are."`
	Validity time.Duration `default:"8760h" help:"How long a certificate lives."`
}

type certsCreateCmd struct {
	certsDir
	Development bool `help:"Mark a new CA as one for development; production refuses it."`
}

func (certsCreateCmd) Help() string {
	return `Safe to run again: good certificates stay, those that end within 30 days or lack a host are renewed, and a CA is never replaced.
Running services take renewed files up by themselves. Example:

  doorward certs --dir /etc/doorward/certs --host authn.internal --host 10.0.0.7`
}

func (c *certsCreateCmd) Run(s streams) error {
	c.Dir = s.certsDirectory(c.Dir)
	issued, err := certs.Create(c.Dir, deployment.Names(), certs.Options{
		Now: time.Now(), Validity: c.Validity, Hosts: c.Host, Development: c.Development,
	})
	if err != nil {
		return err
	}
	if len(issued) == 0 {
		fmt.Fprintf(s.out, "all certificates in %s are good\n", c.Dir)
	}
	for _, name := range issued {
		if name == certs.Authority {
			fmt.Fprintf(s.out, "made a new CA in %s\n", c.Dir)
			continue
		}
		fmt.Fprintf(s.out, "issued %s in %s\n", name, c.Dir)
	}
	return nil
}

type certsRenewCmd struct {
	certsDir
	Name []string `arg:"" optional:"" enum:"authn,risk,notify,portal,nats,operator" help:"Whose; all without one. ${enum}."`
}

func (certsRenewCmd) Help() string {
	return `For a key that somebody else may have, or to renew before the last 30 days. The CA stays: an old certificate is good until it ends, so replace the CA when one
was stolen. Running services take renewed files up by themselves, for new connections. Example:

  doorward certs renew notify --dir /etc/doorward/certs`
}

func (c *certsRenewCmd) Run(s streams) error {
	c.Dir = s.certsDirectory(c.Dir)
	if len(c.Name) == 0 {
		c.Name = deployment.Names()
	}
	if err := certs.Renew(c.Dir, c.Name, certs.Options{Now: time.Now(), Validity: c.Validity, Hosts: c.Host}); err != nil {
		return err
	}
	for _, name := range c.Name {
		fmt.Fprintf(s.out, "issued %s in %s\n", name, c.Dir)
	}
	return nil
}
