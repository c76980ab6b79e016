package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Exit statuses of curl(1).
const (
	protocolStatus  = 1
	usageStatus     = 2
	urlStatus       = 3
	resolveStatus   = 6
	connectStatus   = 7
	weirdStatus     = 8 // a reply that is none
	partialStatus   = 18
	refusedStatus   = 22 // a status of 400 and above, with -f
	writeStatus     = 23
	readStatus      = 26
	timeStatus      = 28
	rangeStatus     = 33
	secureStatus    = 35
	interfaceStatus = 45
	redirectStatus  = 47
	emptyStatus     = 52
	receiveStatus   = 56
	optionStatus    = 49
	peerStatus      = 60
	authorityStatus = 77
)

var (
	errProtocol    = errors.New("not an http or https url")
	errURL         = errors.New("not a url")
	errAuthorities = errors.New("the authorities")
	errRead        = errors.New("cannot be read")
	errWrite       = errors.New("cannot be written")
	errOptions     = errors.New("options")
	errResolve     = errors.New("expected HOST:PORT:ADDRESS")
	errInterface   = errors.New("the interface")
	errNoRange     = errors.New("the server does not resume")
)

// A resolveError is a name without an address.
type resolveError struct {
	host string
	err  error
}

// Error says why.
func (e *resolveError) Error() string {
	var d *net.DNSError
	if errors.As(e.err, &d) && d.IsNotFound {
		return fmt.Sprintf("bad address '%s'", printed(e.host))
	}
	return fmt.Sprintf("the address of %s: %s", printed(e.host), printed(plain(e.err)))
}

// Unwrap returns the resolver's.
func (e *resolveError) Unwrap() error { return e.err }

// A connectError is a server that is not reached.
type connectError struct {
	host string
	err  error
}

// Error says why.
func (e *connectError) Error() string {
	return fmt.Sprintf("can't connect to remote host (%s): %s", printed(e.host), printed(plain(e.err)))
}

// Unwrap returns the kernel's.
func (e *connectError) Unwrap() error { return e.err }

// A secureError is a server that is not who it should be, or speaks no TLS.
type secureError struct{ err error }

// Error says why.
func (e *secureError) Error() string { return printed(e.err.Error()) }

// Unwrap returns that of TLS.
func (e *secureError) Unwrap() error { return e.err }

// statusOf is curl's exit status for what has failed.
func statusOf(err error) int {
	var resolve *resolveError
	var connect *connectError
	var secure *secureError
	var op *net.OpError
	var refused *refusedError
	for _, s := range []struct {
		is     bool
		status int
	}{
		{err == nil, 0},
		{errors.Is(err, errProtocol), protocolStatus},
		{errors.Is(err, errOptions), usageStatus},
		{errors.Is(err, errResolve), optionStatus},
		{errors.Is(err, errURL), urlStatus},
		{errors.Is(err, errAuthorities), authorityStatus},
		{errors.Is(err, errRead), readStatus},
		{errors.Is(err, errWrite), writeStatus},
		{errors.Is(err, errNoRange), rangeStatus},
		{errors.Is(err, errRedirects), redirectStatus},
		{errors.As(err, &refused), refusedStatus},
		{errors.Is(err, errInterface) || errors.Is(err, syscall.EADDRNOTAVAIL), interfaceStatus},
		{isTimeout(err), timeStatus},
		{errors.As(err, &resolve), resolveStatus},
		{errors.As(err, &connect), connectStatus},
		{isPeer(err), peerStatus},
		{errors.As(err, &secure), secureStatus},
		{errors.Is(err, io.ErrUnexpectedEOF), partialStatus},
		{errors.Is(err, io.EOF), emptyStatus},
		{errors.Is(err, syscall.ECONNRESET) || errors.As(err, &op), receiveStatus},
		{strings.Contains(text(err), "malformed HTTP"), protocolStatus},
		{strings.Contains(text(err), "malformed MIME"), weirdStatus},
	} {
		if s.is {
			return s.status
		}
	}
	return receiveStatus
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// isPeer reports whether a certificate is what is wrong.
func isPeer(err error) bool {
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verify) || errors.As(err, &unknown) || errors.As(err, &name) ||
		errors.As(err, &invalid)
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &n) && n.Timeout()
}

// plain is the innermost reason of a network's error: "connection refused".
func plain(err error) string {
	var number syscall.Errno
	var d *net.DNSError
	switch {
	case isTimeout(err):
		return "timed out"
	case errors.As(err, &number):
		return number.Error()
	case errors.As(err, &d):
		return d.Err
	}
	return err.Error()
}

// said is an error in one line for people.
func said(err error) string {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed prematurely"
	case errors.Is(err, io.EOF):
		return "empty reply from server"
	}
	var resolve *resolveError
	var connect *connectError
	var secure *secureError
	if errors.As(err, &resolve) || errors.As(err, &connect) || errors.As(err, &secure) {
		return command.Message(err)
	}
	if isTimeout(err) {
		return "timed out"
	}
	return printed(command.Message(err))
}

// printed is a stranger's text, safe for a terminal.
func printed(s string) string { return printable.String(s) }
