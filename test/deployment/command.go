package deployment

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
)

// Command runs a doorward command in the deployment's directory and returns what it printed; it must succeed.
func (d *Deployment) Command(args ...string) string {
	d.t.Helper()
	return d.command(nil, args...)
}

// Operator runs a command with the operator's key in its environment.
func (d *Deployment) Operator(args ...string) string {
	d.t.Helper()
	env := d.Environment()
	return d.command([]string{
		"DOORWARD_API_KEY=" + d.OperatorKey, "DOORWARD_ADDRESS=" + env["DOORWARD_ADDRESS"], "DOORWARD_CA=" + env["DOORWARD_CA"],
	}, args...)
}

func (d *Deployment) command(env []string, args ...string) string {
	d.t.Helper()
	out, err := d.Try(env, args...)
	if err != nil {
		d.t.Fatalf("doorward %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// Try runs a command that may fail; the error has what it complained of.
func (d *Deployment) Try(env []string, args ...string) (string, error) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 2*Patience)
	defer cancel()
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, binary(d.t, "doorward"), args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = d.dir, append(environment(), env...), &out, &complaints
	if err := cmd.Run(); err != nil {
		return out.String(), errors.Join(err, errors.New(complaints.String()))
	}
	return out.String(), nil
}

// environment is the test's own without what could configure a service.
func environment() []string {
	var kept []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "DOORWARD_") {
			kept = append(kept, pair)
		}
	}
	return kept
}
