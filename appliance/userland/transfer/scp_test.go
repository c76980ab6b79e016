package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// TestSCP holds both ends of scp against OpenSSH's: what they answer to the same bytes, but for the words of
// complaints, how they end, and which files there are.
func TestSCP(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("testdata/scp.txtar")
	if err != nil {
		t.Fatal(err)
	}
	ours := called(t, "scp")
	for _, c := range archive.Files {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			reason, text := "", strings.TrimSuffix(string(c.Data), "\n")
			if strings.HasPrefix(text, "~") {
				reason, text, _ = strings.Cut(text, "\n")
			}
			line, quoted, _ := strings.Cut(text, "\n")
			input, err := strconv.Unquote(`"` + strings.ReplaceAll(quoted, `\0`, `\x00`) + `"`)
			if err != nil {
				t.Fatal(err)
			}
			got, want := scp(t, ours, line, input), scp(t, "scp", line, input)
			if got == want && reason != "" {
				t.Errorf("does the same; the reason why not is%s", reason[1:])
			}
			if got != want && reason == "" {
				t.Errorf("ours (-), OpenSSH's (+):\n%s", cmp.Diff(strings.Split(got, "\n"), strings.Split(want, "\n")))
			}
		})
	}
}

// scp runs a command line with input in a new directory, and returns all that comes of it.
func scp(t *testing.T, program, line, input string) string {
	t.Helper()
	dir := t.TempDir()
	furnish(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, strings.Fields(line)[1:]...)
	cmd.Dir, cmd.Stdin, cmd.WaitDelay = dir, strings.NewReader(input), time.Second
	var out bytes.Buffer
	cmd.Stdout = &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	// A fatal word and another one have the same effect on a client that reads on.
	text := regexp.MustCompile("[\x01\x02].*\n").ReplaceAllString(out.String(), "COMPLAINT\n")
	// The time of the last access is now.
	text = regexp.MustCompile(`(?m)^T(\d+) 0 \d+ 0$`).ReplaceAllString(text, "T$1 0 NOW 0")
	return fmt.Sprintf("%q\n%v\n%s", text, cmd.ProcessState, tree(t, dir))
}
