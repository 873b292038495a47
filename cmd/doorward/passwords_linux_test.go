package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// newTerminal opens a terminal: who types at it, and the end that a command has.
func newTerminal(t *testing.T) (person, command *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	must(t, err)
	t.Cleanup(func() { person.Close() })
	fd := int(person.Fd())
	must(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	must(t, err)
	command, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { command.Close() })
	return person, command
}

// echoes says whether a terminal shows what is typed.
func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	must(t, err)
	return state.Lflag&unix.ECHO != 0
}

// TestPasswordsAreTypedUnseen plays a person at a terminal.
func TestPasswordsAreTypedUnseen(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	person, command := newTerminal(t)
	code := make(chan int, 1)
	check := func(ctx context.Context) {
		code <- run(ctx, []string{"breach", "check"}, streams{in: command, out: command, err: command})
	}
	screen := ""
	reads := func(until string) {
		t.Helper()
		b := make([]byte, 1024)
		for !strings.Contains(screen, until) {
			n, err := person.Read(b)
			must(t, err)
			screen += string(b[:n])
		}
	}
	types := func(text string) {
		t.Helper()
		if !poll(ctx, func() bool { return !echoes(t, command) }) {
			t.Fatal("the terminal shows what is typed")
		}
		_, err := person.WriteString(text + "\n")
		must(t, err)
	}
	go check(ctx)
	types("letmein")
	reads("1: breached, one of the most used passwords")
	types("quite an unlikely one")
	reads("2: clean")
	types("")
	reads("1 are breached")
	if got := <-code; got != exitFailed || strings.Contains(screen, "letmein") || strings.Contains(screen, "unlikely one") || !echoes(t, command) {
		t.Errorf("exit code %d, the terminal echoes: %v; the screen:\n%s", got, echoes(t, command), screen)
	}

	interrupted, interrupt := context.WithCancel(ctx)
	go check(interrupted)
	if !poll(ctx, func() bool { return !echoes(t, command) }) {
		t.Fatal("the terminal shows what is typed")
	}
	interrupt()
	if got := <-code; got != exitFailed || !echoes(t, command) {
		t.Errorf("interrupted: exit code %d, the terminal echoes: %v", got, echoes(t, command))
	}
	_, _ = person.WriteString("\n") // ends the reader that nobody waits for
}
