package main

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/enumeration"
	"github.com/doorward/doorward/internal/leak"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn"
)

type selftestCmd struct {
	Enumeration selftestEnumerationCmd `cmd:"" help:"Measure whether strangers can learn who has an account."`
}

func (selftestCmd) Help() string {
	return "Holds a running deployment to what it promises. Example:\n\n" +
		"  . .doorward/operator.env; doorward selftest enumeration --against .doorward/dev.env"
}

// exitUnmeasured is for scripts: neither a leak nor none.
const exitUnmeasured = 2

type selftestEnumerationCmd struct {
	Against    string        `required:"" type:"existingfile" placeholder:"FILE" help:"The env file of an application that may speak for users, such as .doorward/dev.env."`
	Probes     int           `default:"100" help:"How often each call is measured for each state; 8 to 5000."`
	Tolerance  time.Duration `default:"100us" help:"A difference in time up to this helps nobody."`
	Resolution time.Duration `default:"5ms" help:"Beyond this, on either side of a difference, nothing can be said."`
	Domain     string        `default:"selftest.invalid" help:"The domain of the addresses that are made up. To .invalid no mail goes; mail to another one must go nowhere."`
	Batch      string        `default:"1" help:"Which of the addresses: another batch has others, which nobody has probed. 1 to 8 letters and digits."`
	BcryptCost int           `default:"10" help:"The cost of the slow hash, 4 to 14."`
	Without    []string      `placeholder:"STATE" enum:"plain,no-password,locked,banned,restricted,slow-hash" help:"Leave a state out: plain, no-password, locked, banned, restricted, slow-hash."`
	JSON       bool          `name:"json" help:"Print the result as JSON."`
}

func (selftestEnumerationCmd) Help() string {
	return `Makes accounts without a usable password (plain, without a password, locked, banned, at a domain that is blocked meanwhile, and imported with a slow hash),
and probes them and addresses that belong to nobody, mixed, through every call that strangers have. Compares what is answered and how long it takes
(Welch's t and Mann-Whitney's U, corrected by Holm) and prints a table. Exits 0 when they can't be told apart, 1 when they can, and 2 when it couldn't be measured.

With 100 probes it takes three to ten minutes, most of it what wrong passwords are made to wait. Run it from a machine near the deployment: noise hides differences. The accounts
stay, for the next time: 102 in each state. While one with a slow hash is there, wrong passwords of all users take as long as that hash demands; leave it
out by --without slow-hash. Each run fails once on each address, so after four in a day take another --batch. Run it with the same batch after a restart to
measure that too. What can't be hidden: that a name is taken, where sign-ups choose user names, and that a domain may not sign up.

` + readsKey + ` Example:

  . .doorward/operator.env; doorward selftest enumeration --against .doorward/dev.env`
}

var batchForm = regexp.MustCompile(`^[0-9A-Za-z]{1,8}$`)

// Validate is asked by kong.
func (c *selftestEnumerationCmd) Validate() error {
	const fewest, most, least, hardest = 8, 5000, 4, 14
	switch {
	case c.Probes < fewest || c.Probes > most:
		return fmt.Errorf("--probes: must be from %d to %d", fewest, most)
	case c.Tolerance < 0 || c.Resolution <= 0:
		return errors.New("--tolerance must be at least 0, and --resolution more")
	case !batchForm.MatchString(c.Batch):
		return errors.New("--batch: must be 1 to 8 letters and digits")
	case c.BcryptCost < least || c.BcryptCost > hardest:
		return fmt.Errorf("--bcrypt-cost: must be from %d to %d", least, hardest)
	case len(c.states()) == 0:
		return errors.New("--without: leave a state to measure")
	}
	return nil
}

// states are those that aren't left out.
func (c *selftestEnumerationCmd) states() []enumeration.State {
	return slices.DeleteFunc(enumeration.States(), func(s enumeration.State) bool {
		return slices.Contains(c.Without, strings.ReplaceAll(string(s), " ", "-"))
	})
}

func (c *selftestEnumerationCmd) crowd() enumeration.Crowd {
	return enumeration.Crowd{Domain: strings.ToLower(c.Domain), Batch: strings.ToLower(c.Batch)}
}

func (c *selftestEnumerationCmd) Run(ctx context.Context, s streams) error {
	report, err := c.measure(ctx, s)
	switch {
	case err != nil && ctx.Err() != nil: // it isn't the end that the command was to have
		return &exitError{code: exitUnmeasured, text: "interrupted: nothing is known"}
	case err != nil:
		return &exitError{code: exitUnmeasured, text: fmt.Sprintf("it couldn't be measured: %v", err)}
	}
	if err := c.print(s.out, report); err != nil {
		return err
	}
	return outcome(report)
}

// outcome is the error that makes the exit code.
func outcome(r enumeration.Report) error {
	switch {
	case r.Leaks():
		return &exitError{code: exitFailed, text: "strangers can tell who has an account"}
	case len(r.Doubts()) > 0:
		return &exitError{code: exitUnmeasured, text: "it couldn't be measured well enough: give more --probes, or a quieter machine"}
	}
	return nil
}

// measure makes the accounts, probes, and takes back what isn't to stay.
func (c *selftestEnumerationCmd) measure(ctx context.Context, s streams) (_ enumeration.Report, err error) {
	application, operator, err := c.connect(s)
	if err != nil {
		return enumeration.Report{}, err
	}
	defer application.Close()
	defer operator.Close()
	if err := sameDeployment(ctx, application, operator); err != nil {
		return enumeration.Report{}, s.advise(err, "authn", "")
	}
	if err := warnOfBulk(ctx, s, operator); err != nil {
		return enumeration.Report{}, s.advise(err, "authn", "")
	}
	if !strings.HasSuffix("."+c.crowd().Domain, ".invalid") {
		fmt.Fprintf(s.err, "warning: mails go to addresses at %s: one to each at least\n", c.Domain)
	}
	populated, err := c.populate(ctx, s, operator)
	if err != nil {
		return enumeration.Report{}, s.advise(err, "authn", "")
	}
	defer func() { err = errors.Join(err, populated.Close(ctx)) }()
	return c.probe(ctx, s, application)
}

// warnOfBulk says what will be found where the operator has chosen that it may be.
func warnOfBulk(ctx context.Context, s streams, operator grpc.ClientConnInterface) error {
	answer, err := authnv1.NewPolicyServiceClient(operator).GetPolicy(ctx, &authnv1.GetPolicyRequest{})
	if err != nil {
		return err
	}
	if answer.GetPolicy().GetEnumerationMode() == authnv1.EnumerationMode_ENUMERATION_MODE_BULK {
		fmt.Fprintln(s.err, "warning: the policy says enumeration_mode: bulk, so whoever begins a sign-up or sign-in is told whether there is an account")
	}
	return nil
}

func (c *selftestEnumerationCmd) populate(ctx context.Context, s streams, operator grpc.ClientConnInterface) (*enumeration.Populated, error) {
	progress := s.bar("accounts", thousands)
	defer progress.end()
	return enumeration.Populate(ctx, operator, enumeration.Population{
		Crowd: c.crowd(), States: c.states(), Accounts: enumeration.Accounts(c.Probes), SlowCost: c.BcryptCost,
		Progress: func(done, of int) { progress.at(int64(done), int64(of)) },
	})
}

func (c *selftestEnumerationCmd) probe(ctx context.Context, s streams, application grpc.ClientConnInterface) (enumeration.Report, error) {
	progress := s.bar("rounds", thousands)
	defer progress.end()
	return enumeration.Run(ctx, enumeration.Config{
		Conn: application, Table: authn.Table(), Crowd: c.crowd(), States: c.states(), Probes: c.Probes,
		Criteria: c.criteria(), Random: seeded(),
		Progress: func(done, of int) { progress.at(int64(done), int64(of)) },
	})
}

func (c *selftestEnumerationCmd) criteria() leak.Criteria {
	criteria := leak.DefaultCriteria()
	criteria.Tolerance, criteria.Resolution = c.Tolerance, c.Resolution
	return criteria
}

// seeded is randomness for orders and resamples, which nobody gains by guessing.
func seeded() *rand.Rand {
	var seed [32]byte
	_, _ = crand.Read(seed[:])             // never fails
	return rand.New(rand.NewChaCha8(seed)) //nolint:gosec // G404: no secret comes of it
}

// connect reaches authn as an application, whose errors stay as they come, and as an operator.
func (c *selftestEnumerationCmd) connect(s streams) (application *grpc.ClientConn, operator *operatorConn, err error) {
	env, err := deployment.ReadEnv(c.Against)
	if err != nil {
		return nil, nil, err
	}
	if err := env.Need("DOORWARD_ADDRESS", "DOORWARD_API_KEY", "DOORWARD_CA"); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.Against, err)
	}
	roots, err := certs.ReadRoots(env.Get("DOORWARD_CA"))
	if err != nil {
		return nil, nil, err
	}
	application, err = rpc.Dial(env.Get("DOORWARD_ADDRESS"), rpc.ClientConfig{
		TLS:         &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: cmp.Or(env.Get("DOORWARD_SERVER_NAME"), "authn")},
		Credentials: apiKey{secret.Wrap(env.Get("DOORWARD_API_KEY"))}, BareStatus: true,
	})
	if err != nil {
		return nil, nil, err
	}
	if operator, err = s.dial("authn"); err != nil {
		return nil, nil, errors.Join(err, application.Close())
	}
	return application, operator, nil
}

// sameDeployment compares the signing keys that both see: accounts made somewhere else would be nobody's here, and nothing would ever be found.
func sameDeployment(ctx context.Context, application, operator grpc.ClientConnInterface) error {
	var seen [2][]string
	for i, conn := range []grpc.ClientConnInterface{application, operator} {
		set, err := authnv1.NewKeyServiceClient(conn).GetKeySet(ctx, &authnv1.GetKeySetRequest{})
		if err != nil {
			return err
		}
		for _, key := range set.GetKeys() {
			seen[i] = append(seen[i], key.GetId())
		}
		slices.Sort(seen[i])
	}
	if !slices.Equal(seen[0], seen[1]) {
		return errors.New("the application's env file and the operator's are of two deployments, which have other signing keys")
	}
	return nil
}
