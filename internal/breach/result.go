package breach

import "fmt"

// Verdict is what is known of a password.
type Verdict int

const (
	// Unknown means: a source that was needed failed. It is the zero value, so that a check that wasn't made isn't a good one.
	Unknown Verdict = iota
	// Clean means: nothing that was asked knows the password.
	Clean
	// Suspected means: the filter hit and nothing confirmed it. One good password in 65,536 is suspected too.
	Suspected
	// Breached means: the list or the range API knows the password.
	Breached
)

// verdicts are the names of the verdicts, in metrics and in what `doorward breach check` prints.
var verdicts = [...]string{Unknown: "unknown", Clean: "clean", Suspected: "suspected", Breached: "breached"}

func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdicts) {
		return fmt.Sprintf("verdict %d", int(v))
	}
	return verdicts[v]
}

// Source is who gave the answer.
type Source int

const (
	// NoSource means: nobody was asked.
	NoSource Source = iota
	// List means: the most used passwords, which ship with Doorward.
	List
	// FromCorpus means: the filter on disk.
	FromCorpus
	// FromRange means: the range API.
	FromRange
)

var sources = [...]string{NoSource: "none", List: "list", FromCorpus: "corpus", FromRange: "range"}

func (s Source) String() string {
	if s < 0 || int(s) >= len(sources) {
		return fmt.Sprintf("source %d", int(s))
	}
	return sources[s]
}

// Result is what a check came to.
type Result struct {
	Verdict Verdict
	// Source is the one that the verdict rests on; the last one asked when all found nothing, the one that failed when it is Unknown.
	Source Source
	// Count is how often the range API has seen the password; 0 where it wasn't asked or doesn't know it.
	Count int
	// Err is why a source failed. It is set with Unknown, and with Suspected when the range API couldn't confirm. It is for the log.
	Err error
}
