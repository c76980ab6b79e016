package nc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/resolve"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// interrupted is the status after ^C, as of who does not know of it.
const interrupted = 130

// A chunk is a piece of standard input, or why there is no more.
type chunk struct {
	text []byte
	err  error
}

// input reads standard input for all connections, one after the other: what is read is of the one that there
// is. The channel is closed at its end.
func input(c *command.Call, s settings) <-chan chunk {
	chunks := make(chan chunk)
	if s.noInput {
		return chunks
	}
	go func() {
		defer close(chunks)
		for {
			buf := make([]byte, 16<<10)
			n, err := c.Stdin.Read(buf)
			if n > 0 {
				chunks <- chunk{text: buf[:n]}
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					chunks <- chunk{err: command.Named("standard input", err)}
				}
				return
			}
		}
	}()
	return chunks
}

// remains is how long, once the other end has no more, standard input may be silent before nc ends. What is
// there already is still sent: the other end may have closed one half only.
const remains = 200 * time.Millisecond

// relay passes both ways until the other end has no more, or nobody is to hear it.
func (s settings) relay(c *command.Call, conn net.Conn, chunks <-chan chunk) error {
	ended, stop := make(chan error, 2), make(chan struct{})
	defer close(stop)
	sender := &sender{settings: s, conn: conn, chunks: chunks, ended: make(chan error, 1), stop: stop}
	go func() { ended <- s.receive(c, conn) }()
	go sender.run()
	select {
	case err := <-ended:
		if err != nil || s.udp {
			return err
		}
		for i := 0; i < int(remains/tick) && c.Err() == nil; i++ {
			if sender.moved.Swap(false) || sender.busy.Load() {
				i = 0
			}
			select {
			case <-sender.ended:
				return nil // with an error or without: the other end is gone
			case <-time.After(tick):
			}
		}
		return nil
	case err := <-sender.ended:
		if err != nil || s.quit >= 0 {
			return err
		}
		select {
		case err = <-ended:
		case <-c.Done():
			c.Exit(interrupted)
		}
		return err
	case <-c.Done():
		c.Exit(interrupted)
		return nil
	}
}

// tick is how often relay looks whether something is sent.
const tick = 20 * time.Millisecond

// A sender sends standard input.
type sender struct {
	settings
	conn        net.Conn
	chunks      <-chan chunk
	ended       chan error
	stop        <-chan struct{}
	busy, moved atomic.Bool
}

// run sends until the end of standard input, which it passes on.
func (s *sender) run() {
	for {
		var piece chunk
		var more bool
		select {
		case piece, more = <-s.chunks:
		case <-s.stop:
			return
		}
		if !more || piece.err != nil {
			s.close(piece.err)
			return
		}
		s.busy.Store(true)
		s.moved.Store(true)
		_, err := s.conn.Write(piece.text)
		s.busy.Store(false)
		if err != nil {
			s.ended <- fmt.Errorf("write error: %w", resolve.Reason(err))
			return
		}
		if s.delay > 0 {
			time.Sleep(s.delay)
		}
	}
}

// close is for the end of standard input.
func (s *sender) close(err error) {
	if err == nil {
		if half, ok := s.conn.(interface{ CloseWrite() error }); ok && !s.udp {
			_ = half.CloseWrite() // who has reset the connection is heard of by reading
		}
		if s.quit > 0 {
			select {
			case <-time.After(s.quit):
			case <-s.stop:
			}
		}
	}
	s.ended <- err
}

// receive writes what comes to standard output.
func (s settings) receive(c *command.Call, conn net.Conn) error {
	var out io.Writer = c.Stdout
	if onTerminal(c.Stdout.Underlying()) {
		out = plain{printable.Output(c.Stdout)}
	}
	buf := make([]byte, 64<<10)
	for {
		if s.udp && s.wait > 0 {
			_ = conn.SetReadDeadline(time.Now().Add(s.wait))
		}
		n, err := conn.Read(buf)
		if n > 0 {
			_, werr := out.Write(buf[:n])
			if err := errors.Join(werr, c.Stdout.Flush()); err != nil {
				return err
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed):
			return nil
		case s.udp:
			return resolve.Reason(err)
		default:
			s.say(c, "%s: %v", c.Name, resolve.Reason(err)) // the end all the same
			return nil
		}
		if s.delay > 0 {
			time.Sleep(s.delay)
		}
	}
}

func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// plain takes the carriage returns out of what goes to a terminal: protocols end their lines with them, and
// alone they would have a line overwrite itself.
type plain struct{ to io.Writer }

func (p plain) Write(b []byte) (int, error) {
	_, err := p.to.Write(bytes.ReplaceAll(b, []byte("\r"), nil))
	return len(b), err
}
