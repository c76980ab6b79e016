package machine

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/zone"
	"github.com/gatehouse-os/gatehouse/internal/syslog"
)

const loggerHelp = `	-t TAG	who says it; the user
	-p PRIO	FACILITY.LEVEL or LEVEL; user.notice
	-s	on standard error too
Without a message each line of standard input is one.
`

// logSocket is where syslog(3) sends to.
const logSocket = "/dev/log"

// A message longer than this is cut in parts: one is a datagram.
const maxMessage = 1024

// logPatience is how long a message waits for whoever reads the log.
const logPatience = 5 * time.Second

// A sayer says messages.
type sayer struct {
	c        *command.Call
	socket   int
	priority int
	tag      string
	aloud    bool
}

func logger(c *command.Call) {
	s := sayer{c: c, priority: syslog.Notice, tag: userName(), aloud: c.Has('s')}
	if tag, given := c.Value('t'); given {
		s.tag = tag
	}
	if text, given := c.Value('p'); given {
		var err error
		if s.priority, err = syslog.Priority(text); err != nil {
			c.Fail(err)
			return
		}
	}
	var err error
	if s.socket, err = openLog(); err != nil {
		c.Fail(err)
		return
	}
	defer unix.Close(s.socket)
	if len(c.Args) > 0 {
		err = s.say(strings.Join(c.Args, " "))
	} else {
		err = s.lines(c.Stdin)
	}
	if err != nil {
		c.Fail(err)
	}
}

// lines says each line that is not empty.
func (s sayer) lines(r io.Reader) error {
	in := bufio.NewReaderSize(r, maxMessage)
	for {
		line, err := in.ReadSlice('\n')
		if line = bytes.TrimSuffix(line, []byte("\n")); len(line) > 0 {
			if err := s.say(string(line)); err != nil {
				return err
			}
		}
		switch err {
		case nil, bufio.ErrBufferFull:
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

// say sends a message as syslog(3) does.
func (s sayer) say(text string) error {
	if s.aloud {
		fmt.Fprintf(s.c.Stderr, "%s: %s\n", s.tag, text)
	}
	message := syslog.Format(s.priority, time.Now().In(zone.Local()), s.tag, text)
	if err := unix.Sendto(s.socket, message, unix.MSG_NOSIGNAL,
		&unix.SockaddrUnix{Name: logSocket}); err != nil {
		return fmt.Errorf("the log does not take it: %s: %w", logSocket, err)
	}
	return nil
}

func openLog() (int, error) {
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	patience := unix.NsecToTimeval(int64(logPatience))
	if err := unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience); err != nil {
		unix.Close(socket)
		return -1, os.NewSyscallError("setsockopt", err)
	}
	return socket, nil
}

// userName is that of this process's user, or its number.
func userName() string {
	id := strconv.Itoa(os.Geteuid())
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
