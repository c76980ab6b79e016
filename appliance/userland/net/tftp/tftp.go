// Package tftp has tftp, which gets a file of a server of TFTP (RFC 1350) or puts one there, as busybox's
// does; only packets of the server's address are taken, and after the first only of the port that it is from.
package tftp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/resolve"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{"tftp": {
		Usage: "-g | -p [-b BYTES] [-l FILE] [-r FILE] HOST [PORT]",
		Help: `  -g        get the file; -p: put it there
  -r FILE   its name there
  -l FILE   its name here; -: standard input or output
  -b BYTES  size of a block, 24 to 65464 (512)
`,
		Letters: "gpl:r:b:", Run: run,
	}}
}

// settings are what the options say.
type settings struct {
	get, put      bool
	local, remote string // local "": standard input or output
	block         int
	port          int
}

func read(c *command.Call) (s settings, err error) {
	s.block, s.port = usualBlock, 69
	s.get, s.put = c.Has('g'), c.Has('p')
	s.local, _ = c.Value('l')
	s.remote, _ = c.Value('r')
	if b, ok := c.Value('b'); ok {
		if s.block, err = strconv.Atoi(b); err != nil || s.block < leastBlock || s.block > mostBlock {
			return s, fmt.Errorf("bad blocksize %q: expected %d to %d", b, leastBlock, mostBlock)
		}
	}
	switch {
	case s.get == s.put:
		return s, errors.New("expected -g or -p")
	case s.remote == "":
		s.remote = s.local
	case s.local == "":
		s.local = path.Base(s.remote)
	}
	if s.local == "-" {
		s.local = ""
	}
	switch {
	case s.remote == "" || len(c.Args) == 0 || len(c.Args) > 2:
		return s, errors.New("expected a file and a host")
	case len(s.remote) > 400 || strings.ContainsRune(s.remote, 0):
		return s, errors.New("the name of the file is too long")
	case len(c.Args) == 2:
		if s.port, err = net.LookupPort("udp", c.Args[1]); err != nil {
			return s, fmt.Errorf("%q: expected a port", c.Args[1])
		}
	}
	return s, nil
}

func run(c *command.Call) {
	s, err := read(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	if err := s.transfer(c); err != nil {
		c.Fail(err)
	}
}

// transfer does all of it. What was begun of a file that could not be had is removed.
func (s settings) transfer(c *command.Call) error {
	addr, err := resolve.Address(c.Context, "ip", c.Args[0], "")
	if err != nil {
		return err
	}
	t := &session{get: s.get, name: s.remote, block: s.block}
	opened := false
	if s.get {
		t.open = func() (io.WriteCloser, error) {
			if s.local == "" {
				return stdout{c.Stdout}, nil
			}
			f, err := os.OpenFile(s.local, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
			if err != nil {
				return nil, command.Named(s.local, err)
			}
			info, err := f.Stat()
			opened = err == nil && info.Mode().IsRegular() // a device stays where it is
			return f, err
		}
	} else if s.local == "" {
		t.from = c.Stdin
	} else {
		f, err := os.Open(s.local)
		if err != nil {
			return command.Named(s.local, err)
		}
		defer f.Close()
		t.from = f
	}
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return resolve.Reason(err)
	}
	defer conn.Close()
	w := &wire{conn: conn, server: netip.AddrPortFrom(addr, uint16(s.port))}
	err = w.talk(c.Context, t)
	for _, note := range t.notes {
		c.Warn(errors.New(note))
	}
	if t.file != nil {
		err = errors.Join(err, t.file.Close())
	}
	if err != nil && opened {
		err = errors.Join(err, os.Remove(s.local))
	}
	return err
}

// stdout is standard output as a file: it stays open.
type stdout struct{ *command.Writer }

func (s stdout) Close() error { return s.Flush() }
