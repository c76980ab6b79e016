package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/wire"
)

// A chronyd is one that corrects no clock (-x). It keeps a clock of its own instead: the machine's, and its
// correction, which has all that it knows from the moment on when it knows it.
type chronyd struct {
	cmd      *exec.Cmd
	done     chan struct{}
	out      bytes.Buffer
	socket   string
	chronyc  string
	estimate figures
}

// startChronyd starts one in a namespace, with lines of its configuration. It may not set the machine's
// clock.
func startChronyd(o options, namespace string, lines ...string) (*chronyd, error) {
	if _, err := os.Stat(o.chronyd); err != nil {
		return nil, fmt.Errorf("%w: image/packages.sh bench unpacks it", err)
	}
	dir, err := os.MkdirTemp(o.dir, "chronyd-") // for its owner alone, as chronyd wants it
	if err != nil {
		return nil, err
	}
	c := &chronyd{done: make(chan struct{}), socket: filepath.Join(dir, "sock"), chronyc: o.chronyc}
	args := []string{"netns", "exec", namespace, "setpriv", "--bounding-set=-sys_time",
		"--inh-caps=-sys_time", o.chronyd, "-x", "-d", "-u", "root", "cmdport 0", "bindcmdaddress " +
			c.socket, "pidfile " + filepath.Join(dir, "pid")}
	c.cmd = exec.Command("ip", append(args, lines...)...)
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.out
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = c.cmd.Wait() // how it ended does not matter
		close(c.done)
	}()
	return c, nil
}

// newServer starts the server, which has the machine's own clock.
func newServer(o options, n *wire.Network) (*chronyd, error) {
	return startChronyd(o, n.Server, "bindaddress "+serverAddr.Addr().String(),
		"port "+strconv.Itoa(int(serverAddr.Port())), "allow", "local stratum 1")
}

// newTheirs has the nth client ask its servers.
func newTheirs(o options, n *wire.Network, nth int) (*chronyd, error) {
	var lines []string
	for i := range servers {
		lines = append(lines, fmt.Sprintf("server %v iburst minpoll 0 maxpoll 0", address(nth, i)))
	}
	return startChronyd(o, n.Clients, lines...)
}

// run notes how wrong it is, until ctx ends.
func (c *chronyd) run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(settle * poll):
	}
	for every := time.NewTicker(sampling * poll); ; {
		e, err := c.correction()
		if err != nil {
			return fmt.Errorf("chronyd: %w: %s", err, c.out.String())
		}
		c.estimate.add(e)
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}

// correction is "System time" of chronyc(1) tracking: what chronyd would add to the machine's clock, which is
// right.
func (c *chronyd) correction() (time.Duration, error) {
	out, err := exec.Command(c.chronyc, "-c", "-n", "-h", c.socket, "tracking").Output()
	if err != nil {
		return 0, err
	}
	fields, err := csv.NewReader(bytes.NewReader(out)).Read()
	if err != nil {
		return 0, err
	}
	const stratum, correction, leap = 2, 4, 13
	if len(fields) <= leap || fields[stratum] != "2" || fields[leap] != "Normal" {
		return 0, fmt.Errorf("it does not follow its servers: %s", out)
	}
	s, err := strconv.ParseFloat(fields[correction], 64)
	return time.Duration(s * 1e9), err
}

// end ends it.
func (c *chronyd) end() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-c.done:
	case <-time.After(5 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
	return nil
}
