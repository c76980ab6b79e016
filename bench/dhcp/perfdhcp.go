package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/bench/wire"
)

// A report is what perfdhcp says at its end.
type report struct {
	leases int     // ACKs
	rate   float64 // of them a second
	lost   float64 // the part of DISCOVERs and REQUESTs that got no answer, 0 to 1
}

// perfdhcp has clients that nobody knows yet take leases at a rate. What the
// generator itself was too slow to receive is not counted as lost.
func (n *network) perfdhcp(ctx context.Context, rate int, long time.Duration) (report, error) {
	seconds := max(1, int(long.Round(time.Second)/time.Second))
	missed, err := n.missed(ctx)
	if err != nil {
		return report{}, err
	}
	// A client of its own for every exchange; a second, in microseconds, for the last answers.
	out, err := n.generate(ctx, "-r", strconv.Itoa(rate), "-R", strconv.Itoa(rate*(seconds+1)), "-p",
		strconv.Itoa(seconds), "-W", "1000000")
	if err != nil {
		return report{}, err
	}
	missedNow, err := n.missed(ctx)
	if err != nil {
		return report{}, err
	}
	r, err := parseReport(out, missedNow-missed)
	r.rate = float64(r.leases) / float64(seconds) // its own counts the second of waiting, too
	return r, err
}

// missed returns how many answers have found the generator's receive buffer full.
func (n *network) missed(ctx context.Context) (int, error) {
	out, err := exec.CommandContext(ctx, "ip", "netns", "exec", n.Clients, "cat", "/proc/net/snmp").Output()
	if err != nil {
		return 0, fmt.Errorf("counters of the generator: %w", err)
	}
	return parseMissed(string(out))
}

// parseMissed reads RcvbufErrors of the two lines that begin with Udp: the names and
// the values.
func parseMissed(snmp string) (int, error) {
	var names []string
	for line := range strings.Lines(snmp) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "Udp:" {
			continue
		}
		if i := slices.Index(names, "RcvbufErrors"); i >= 0 && i < len(f) {
			return strconv.Atoi(f[i])
		}
		names = f
	}
	return 0, errors.New("counters of the generator: no RcvbufErrors of Udp")
}

// avalanche has a room of clients ask at once, and again until all have their lease.
func (n *network) avalanche(ctx context.Context, clients int) (time.Duration, error) {
	out, err := n.generate(ctx, "--scenario", "avalanche", "-R", strconv.Itoa(clients))
	if err != nil {
		return 0, err
	}
	return parseAvalanche(out)
}

// generate runs perfdhcp, with cards that no run before had.
func (n *network) generate(ctx context.Context, args ...string) (string, error) {
	n.run++
	args = append([]string{"netns", "exec", n.Clients, "perfdhcp", "-4", "-l", wire.RelayLink, "-b",
		fmt.Sprintf("mac=02:%02x:00:00:00:00", n.run&0xff)}, args...)
	cmd := exec.CommandContext(ctx, "ip", append(args, wire.ServerAddr)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return "", err
	}
	grown := makeRoom(cmd.Process.Pid)
	err := cmd.Wait()
	var exit *exec.ExitError
	// not every exchange was completed: it is in the report
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		err = nil
	}
	if err == nil {
		err = grown
	}
	if err != nil {
		return "", fmt.Errorf("perfdhcp: %w\n%s", err, out.String())
	}
	return out.String(), nil
}

// makeRoom gives the socket of a perfdhcp that has just been started the buffer that ours has. Its own is
// full after some 300 answers, and what did not fit would be the server's loss.
func makeRoom(pid int) error {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(process)
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(200 * time.Microsecond) {
		for fd := 3; fd < 16; fd++ {
			socket, err := unix.PidfdGetfd(process, fd, 0)
			if err != nil {
				continue
			}
			protocol, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_PROTOCOL)
			found := err == nil && protocol == unix.IPPROTO_UDP
			if found {
				err = unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, wire.SocketBuffer)
			}
			_ = unix.Close(socket)
			if found {
				return err
			}
		}
	}
	return errors.New("it opened no socket")
}

// parseReport reads the statistics of an ordinary run, in which the generator missed
// some answers.
func parseReport(out string, missed int) (r report, err error) {
	sent, drops := 0.0, 0.0
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		key, value, _ := strings.Cut(line, ": ")
		first, _, _ := strings.Cut(value, " ")
		first = strings.TrimSuffix(first, ",")
		number, perr := strconv.ParseFloat(first, 64)
		switch {
		case key == "received packets":
			r.leases = int(number) // the last section is that of the ACKs
		case key == "sent packets":
			sent += number
		case key == "drops":
			drops += number
		default:
			continue
		}
		if perr != nil {
			return r, fmt.Errorf("perfdhcp says %q, which is no number", line)
		}
	}
	if sent == 0 {
		return r, fmt.Errorf("perfdhcp has no statistics:\n%s", out)
	}
	r.lost = max(0, drops-float64(missed)) / sent
	return r, nil
}

// parseAvalanche reads "It took 00:00:02.026737 to provision 1000 clients."
func parseAvalanche(out string) (time.Duration, error) {
	_, rest, _ := strings.Cut(out, "It took ")
	word, _, _ := strings.Cut(rest, " ")
	var hours, minutes int
	var seconds float64
	if _, err := fmt.Sscanf(strings.ReplaceAll(word, ":", " "), "%d %d %f", &hours, &minutes,
		&seconds); err != nil {
		return 0, fmt.Errorf("perfdhcp does not say how long the avalanche took:\n%s", out)
	}
	took := time.Duration(hours*3600+minutes*60)*time.Second + time.Duration(seconds*float64(time.Second))
	return took.Round(time.Microsecond), nil
}
