package attack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	doorward "github.com/doorward/doorward/sdk"
)

// elsewhere is the environment's variable that has this binary be a crowd of strangers, and nothing else.
const elsewhere = "DOORWARD_TEST_STRANGERS"

// firstElsewhere is where its addresses begin: far from those of the strangers in this process.
const firstElsewhere = 1 << 16

// finishing is how long each of its sign-ins may take. It is less than the process is waited for once the siege is over.
const finishing = answering / 2

// siege is what such a crowd does: it signs in with a wrong password to addresses that nobody has.
type siege struct {
	Address, CAFile, ServerName string
	Application                 string // its key
	Calls, AtOnce               int
	Over                        time.Duration
}

func (s *suite) siege(calls, atOnce int, over time.Duration) siege {
	env := s.Environment()
	return siege{
		Address: env["DOORWARD_ADDRESS"], CAFile: env["DOORWARD_CA"], ServerName: env["DOORWARD_SERVER_NAME"], Application: s.ApplicationKey,
		Calls: calls, AtOnce: atOnce, Over: over,
	}
}

// lay has the siege laid by a process of its own, and returns what its strangers heard. In the world they have machines of their own; here they share this
// one's cores, and what they need to make calls and to solve challenges isn't to be taken from those who are measured. So the process has the lowest
// priority, and on a quiet machine what the others leave.
func (s siege) lay(ctx context.Context) (heard string, err error) {
	order, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Over+answering)
	defer cancel()
	crowd := exec.CommandContext(ctx, "nice", "-n", "19", self)
	if large() {
		crowd = exec.CommandContext(ctx, "chrt", "--idle", "0", self)
	}
	crowd.Env = append(os.Environ(), elsewhere+"=1")
	crowd.Stdin = bytes.NewReader(order)
	crowd.Stderr = os.Stderr
	out, err := crowd.Output()
	if err != nil {
		return "", fmt.Errorf("the strangers' process: %w", err)
	}
	return string(out), nil
}

// beStrangers reads a siege, lays it, and writes what its strangers heard.
func beStrangers(in io.Reader, out io.Writer) error {
	var s siege
	if err := json.NewDecoder(in).Decode(&s); err != nil {
		return fmt.Errorf("read the siege: %w", err)
	}
	client, err := doorward.New(doorward.Config{
		Address: s.Address, APIKey: doorward.SecretOf(s.Application), CAFile: s.CAFile, ServerName: s.ServerName, Timeout: answering, SolveChallenges: true,
	})
	if err != nil {
		return err
	}
	strangers := &suite{client: client, crowd: newAddresses()}
	strangers.crowd.used.Store(firstElsewhere)
	var heard tally
	ctx, cancel := context.WithTimeout(context.Background(), s.Over)
	defer cancel()
	besiege(ctx, s.Calls, s.AtOnce, s.Over, func(ctx context.Context, _ int) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishing) // what has begun is finished
		defer cancel()
		heard.add(strangers.try(ctx, unknown("flood"), wrong, strangers.crowd.next()))
	})
	_, err = fmt.Fprint(out, &heard)
	return errors.Join(err, client.Close())
}
