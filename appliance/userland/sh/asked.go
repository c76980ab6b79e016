package sh

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// completer is the program that knows the words of some commands: called with "complete" and the words of a
// command line, it prints what the last may become, a line each.
const completer = "gatehouse"

const (
	completerTime = 2 * time.Second // who presses Tab waits no longer
	maxCompleted  = 1 << 20         // bytes that are taken of it
)

// asked are the choices that the completer has for a word, none where it is not there or knows nothing.
func (s *shell) asked(w partialWord) []choice {
	if w.command || len(w.before) == 0 ||
		!slices.Contains([]string{
			completer, "arping", "mtr", "nc", "netcat", "ping", "ping6", "tcpdump", "telnet", "traceroute",
			"traceroute6",
		}, w.before[0]) {
		return nil
	}
	path, _, err := s.find(completer)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), completerTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, slices.Concat([]string{"complete"}, w.before, []string{w.text})...)
	cmd.Env = s.exported()
	cmd.WaitDelay = completerTime
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(out, maxCompleted)) // what was said before it broke off is good
	cancel()
	_ = cmd.Wait() // of what it printed the words are used, however it ended
	return matching(strings.Fields(string(bytes.ToValidUTF8(text, nil))), w.text)
}
