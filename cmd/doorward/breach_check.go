package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/breach/corpus"
	"github.com/doorward/doorward/internal/breach/pwned"
)

type breachCheckCmd struct {
	Corpus    string `placeholder:"FILE" help:"A corpus that doorward breach build made; without it, the most used passwords alone are known."`
	Range     bool   `help:"Ask the range API of Have I Been Pwned too: five digits of each SHA-1 leave this machine; with --corpus, only of what the corpus hits."`
	RangeHost string `placeholder:"URL" help:"A mirror of the range API to ask instead."`
	MinCount  int    `default:"1" placeholder:"N" help:"How often the range API must have seen a password."`
	JSON      bool   `name:"json" help:"Print the results as JSON."`
}

func (breachCheckCmd) Help() string {
	return `Asks for passwords at the terminal, without showing them, until an empty one; where there is no terminal, each line of the standard input is one. Says of each: clean;
breached, when the list of the most used passwords or the range API knows it; suspected, when the corpus hits and nothing confirms it, as it also does for
one good password in 65,536; unknown, when a source failed. No password is printed. Exits 0 when all are clean, else 1. Example:

  doorward breach check --corpus /var/lib/doorward/corpus.fuse`
}

// checkedPassword is the answer about one password.
type checkedPassword struct {
	// Line is its place in what was read, from 1 on.
	Line   int    `json:"line"`
	Result string `json:"result"`
	// By is the source that the answer rests on.
	By    string `json:"by"`
	Count int    `json:"count,omitempty"`
	Error string `json:"error,omitempty"`
}

func (c *breachCheckCmd) Run(ctx context.Context, s streams) (err error) {
	checker, done, err := c.checker()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	passwords, err := s.passwords()
	if err != nil {
		return err
	}
	all := []checkedPassword{}
	for {
		password, line, err := passwords.next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		checked := newCheckedPassword(line, checker.Check(ctx, c.mode(), password))
		if ctx.Err() != nil {
			return errInterrupted
		}
		all = append(all, checked)
		if !c.JSON {
			checked.tell(s.out)
		}
	}
	if c.JSON {
		text := json.NewEncoder(s.out)
		text.SetIndent("", "  ")
		if err := text.Encode(all); err != nil {
			return err
		}
	}
	return summary(all)
}

var errInterrupted = errors.New("interrupted")

// checker puts the sources together that the flags name. done gives them back.
func (c *breachCheckCmd) checker() (_ *breach.Checker, done func() error, err error) {
	metrics := prometheus.NewRegistry() // nobody reads them here
	cfg := breach.Config{
		MinCount: c.MinCount, Now: time.Now, Registerer: metrics,
		Logger: slog.New(slog.DiscardHandler), // each failure is printed beside its password
	}
	done = func() error { return nil }
	if c.asksRange() {
		host := c.RangeHost
		if host == "" {
			host = pwned.DefaultHost
		}
		client, err := pwned.New(pwned.Config{Host: host, Now: time.Now, Registerer: metrics})
		if err != nil {
			return nil, nil, fmt.Errorf("--range-host: %w", err)
		}
		cfg.Range, done = client, func() error { client.Close(); return nil }
	}
	if c.Corpus != "" {
		opened, err := corpus.Open(c.Corpus)
		if err != nil {
			return nil, nil, err
		}
		others := done
		cfg.Corpus, done = opened, func() error { return errors.Join(others(), opened.Close()) }
	}
	checker, err := breach.New(cfg)
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return checker, done, nil
}

func (c *breachCheckCmd) asksRange() bool { return c.Range || c.RangeHost != "" }

func (c *breachCheckCmd) mode() breach.Mode {
	switch {
	case c.Corpus != "" && c.asksRange():
		return breach.CorpusConfirmed
	case c.Corpus != "":
		return breach.CorpusOnly
	case c.asksRange():
		return breach.RangeOnly
	}
	return breach.ListOnly
}

func newCheckedPassword(line int, r breach.Result) checkedPassword {
	checked := checkedPassword{Line: line, Result: r.Verdict.String(), By: r.Source.String(), Count: r.Count}
	if r.Err != nil {
		checked.Error = r.Err.Error()
	}
	return checked
}

// tell prints the answer as a line.
func (p checkedPassword) tell(w io.Writer) {
	fmt.Fprintf(w, "%d: %s", p.Line, p.Result)
	switch {
	case p.Result == breach.Breached.String() && p.By == breach.List.String():
		fmt.Fprint(w, ", one of the most used passwords")
	case p.Count > 0:
		fmt.Fprintf(w, ", seen %s times", thousands(int64(p.Count)))
	case p.Result == breach.Suspected.String():
		fmt.Fprint(w, ", by the corpus alone")
	}
	if p.Error != "" {
		fmt.Fprintf(w, " (%s)", p.Error)
	}
	fmt.Fprintln(w)
}

// summary is the error that makes the exit code, when not all are clean.
func summary(all []checkedPassword) error {
	counts := map[string]int{}
	for _, p := range all {
		counts[p.Result]++
	}
	if counts[breach.Clean.String()] == len(all) {
		return nil
	}
	return fmt.Errorf("of %d passwords %d are breached, %d suspected, %d couldn't be checked", len(all),
		counts[breach.Breached.String()], counts[breach.Suspected.String()], counts[breach.Unknown.String()])
}
