package nft_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// A netns is a network namespace that lives as long as its test.
type netns struct{ *testnet.Namespace }

func newNetns(t *testing.T, name string) netns {
	t.Helper()
	return netns{testnet.New(t, name)}
}

// do runs f on a thread inside the namespace; sockets that f opens stay in it, commands that f starts run in
// it.
func (ns netns) do(t *testing.T, f func()) {
	t.Helper()
	if err := ns.Do(func() error { f(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// run runs a command line in the namespace and returns what it printed.
func (ns netns) run(_ *testing.T, line string) string {
	words := strings.Fields(line)
	return ns.Run(words[0], words[1:]...)
}

// command runs a command with input; the test is over when it fails.
func command(t *testing.T, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
