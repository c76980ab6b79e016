package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	// sshFailed is the exit status of ssh(1) itself, when there was no connection or it broke.
	sshFailed = 255
	// refused is that of the gatehouse command when the box has answered.
	refused = 1
	// cutOff is how long an answer is waited for once the site is being applied: an own address may be
	// another now.
	cutOff = 3 * time.Second
	// pause is between two rounds of tries to come in.
	pause = time.Second
)

// onTrial is what gatehouse apply prints before it touches anything.
var onTrial = regexp.MustCompile(`gatehouse confirm ([0-9]+)`)

// apply sends the site, and returns the number to confirm; "" if nothing is on trial.
func (p *push) apply(ctx context.Context, packed []byte) (number string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	command := fmt.Sprintf("gatehouse apply - --within %v", p.within)
	if p.dry {
		command += " --dry-run"
	}
	if p.message != "" {
		command += " -m " + quoted(p.message)
	}
	seen := make(chan string, 1)
	cmd := p.command(ctx, []string{"-o", "ServerAliveInterval=2", "-o", "ServerAliveCountMax=2"}, command)
	cmd.Stdin = bytes.NewReader(packed)
	cmd.Stdout = &watcher{Writer: p.stdout, seen: seen}
	cmd.Stderr = p.stderr
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
		select {
		case number = <-seen:
		default:
		}
	case number = <-seen:
		select {
		case err = <-ended:
		case <-time.After(cutOff): // it is not known how it went: whoever comes in again will see
			cancel()
			<-ended
			return number, nil
		}
	}
	// a connection that broke is what the trial is for
	if err != nil && (number == "" || status(err) != sshFailed) {
		return "", fmt.Errorf("the site was not applied: %w", err)
	}
	return number, nil
}

// confirm comes in anew, by the address that was given or one that the box has now, until somebody says how
// the trial ended.
func (p *push) confirm(ctx context.Context, number string, addresses []string) error {
	known, err := p.resolve(ctx)
	if err != nil {
		return err
	}
	addresses = known.ways(addresses)
	deadline := time.Now().Add(p.within)
	for {
		said, over := p.confirmAnywhere(ctx, known, addresses, number)
		if over {
			if said.err != nil {
				return errors.New(strings.TrimSpace(said.text))
			}
			_, err := io.WriteString(p.stdout, said.text)
			return err
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("the box could not be reached anew at %s, so it is what it was",
				strings.Join(addresses, ", "))
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// answer is what came of a try.
type answer struct {
	text string
	err  error
}

// confirmAnywhere tries all addresses at once: one that is no longer there takes long to say so. over says
// that the box has answered, and how.
func (p *push) confirmAnywhere(ctx context.Context, known target, addresses []string,
	number string) (said answer, over bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer, len(addresses))
	for _, address := range addresses {
		go func() {
			text, err := p.confirmAt(ctx, known, address, number)
			answers <- answer{text, err}
		}()
	}
	for range addresses {
		a := <-answers
		if a.err == nil || status(a.err) == refused && !strings.Contains(a.text, "older than the change") {
			return a, true
		}
	}
	return answer{}, false
}

// confirmAt tries one address, over a connection that nobody else has opened.
func (p *push) confirmAt(ctx context.Context, known target, address, number string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*cutOff)
	defer cancel()
	options := []string{"-S", "none", "-o", "ConnectTimeout=5", "-o", "BatchMode=yes"}
	if address != known.address {
		options = append(options, "-o", "HostName="+address, "-o", "HostKeyAlias="+known.key)
	}
	out, err := p.command(ctx, options, "gatehouse confirm "+number).CombinedOutput()
	return string(out), err
}

// A target is what ssh makes of the host that was given.
type target struct {
	address string // or a name
	key     string // by which known_hosts has the host's key
}

// resolve asks ssh.
func (p *push) resolve(ctx context.Context) (target, error) {
	out, err := p.command(ctx, []string{"-G"}, "").Output()
	if err != nil {
		return target{}, fmt.Errorf("ssh -G %s: %w", p.host, err)
	}
	said := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		said[name] = value
	}
	t := target{address: said["hostname"], key: said["hostkeyalias"]}
	switch {
	case t.address == "":
		return target{}, fmt.Errorf("ssh -G %s names no host", p.host)
	case t.key == "" && said["port"] != "22":
		t.key = "[" + t.address + "]:" + said["port"] // sshd(8), SSH_KNOWN_HOSTS FILE FORMAT
	case t.key == "":
		t.key = t.address
	}
	return t, nil
}

// ways are where the box may be found, of which others are addresses of its own.
func (t target) ways(others []string) []string {
	if a, err := netip.ParseAddr(t.address); t.address == "localhost" || err == nil && a.IsLoopback() {
		return []string{t.address}
	}
	if slices.Contains(others, t.address) {
		return others
	}
	return append([]string{t.address}, others...)
}

func (p *push) command(ctx context.Context, options []string, command string) *exec.Cmd {
	args := slices.Concat(p.ssh[1:], options, []string{p.host})
	if command != "" {
		args = append(args, command)
	}
	return exec.CommandContext(ctx, p.ssh[0], args...)
}

// status is the exit status of a command; -1 if it was ended.
func status(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return 0
}

// quoted is text as one word of a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// watcher passes on what is written, and looks for the number of the trial in it.
type watcher struct {
	io.Writer
	text []byte // the last of it
	seen chan string
}

// Write is that of the Writer.
func (w *watcher) Write(b []byte) (int, error) {
	const enough = 4096
	w.text = append(w.text, b...)
	if m := onTrial.FindSubmatch(w.text); m != nil {
		select {
		case w.seen <- string(m[1]):
		default:
		}
	}
	w.text = w.text[max(0, len(w.text)-enough):]
	return w.Writer.Write(b)
}
