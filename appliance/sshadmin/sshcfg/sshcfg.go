// Package sshcfg is the configuration of the SSH server of the appliance, and what must
// hold of it. It knows no SSH: what keys are good for, package sshadmin says.
package sshcfg

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strings"
	"time"
)

// Config is all that the server needs to know. It survives a round trip
// through JSON. Zero durations and limits mean the default of the field.
type Config struct {
	// AuthorizedKeys are lines of an authorized_keys file (sshd(8)). Every key
	// opens both users, admin and root; both are root. A line that is no key, or
	// has options before the key, is not used, and that is logged.
	AuthorizedKeys []string

	// HostKeyFile is the path of the ed25519 private key of the host, in
	// OpenSSH format, readable by root only. Without one that can be used the server makes one
	// that lasts as long as its process, and says so.
	HostKeyFile string

	// Listen are the places to listen on: links of zones that may come in.
	Listen []Endpoint

	// Shell is the path of the shell: started alone for an interactive
	// session, with "-c COMMAND" for a command. Default /bin/sh.
	Shell string

	// SFTPServer is the path of the program that the subsystem sftp is. Default /bin/sftp-server.
	SFTPServer string

	// Env are additional or overriding variables ("NAME=value") of a session.
	Env []string

	// LoginTimeout is how long a connection may take from its first packet to a
	// successful login. Default one minute: a passphrase is typed meanwhile.
	LoginTimeout time.Duration

	// KeepAlive is how often a client with a session is asked for a sign of
	// life; one that does not answer within the same time is hung up. Default 30 s.
	KeepAlive time.Duration

	// MaxPending bounds the connections that have not logged in yet, and
	// MaxPendingPerSource those of one IPv4 address, or of one card in the network of an interface,
	// or of one IPv6 /64. A new connection above a bound takes the place of the oldest of the source
	// that has most, in a /64 on an interface of the card that has, so idle connections keep nobody
	// out. Defaults 64 and 16.
	MaxPending, MaxPendingPerSource int

	// MaxSessions bounds the sessions of all connections together. One source may have all but two, so that
	// somebody gets in from elsewhere. Default 64.
	MaxSessions int

	// MaxForwards bounds the connections that clients have the box open, of all together. Default 64.
	MaxForwards int
}

// Endpoint is one place to listen on.
type Endpoint struct {
	// Address need not be configured on an interface yet (ip(7), IP_FREEBIND).
	Address netip.AddrPort
	// Interface, when not empty, is the only interface that connections are
	// accepted from (socket(7), SO_BINDTODEVICE).
	Interface string
}

// String is the endpoint for a person: "192.168.32.1:22 on eth1", "IPv4 port 22 on eth1".
func (e Endpoint) String() string {
	if a := e.Address.Addr(); a.IsUnspecified() {
		family := "IPv4"
		if a.Is6() {
			family = "IPv6"
		}
		return fmt.Sprintf("%s port %d on %s", family, e.Address.Port(), e.Interface)
	}
	if e.Interface == "" {
		return e.Address.String()
	}
	return e.Address.String() + " on " + e.Interface
}

// Defaults of Config.
const (
	defaultShell        = "/bin/sh"
	defaultSFTPServer   = "/bin/sftp-server"
	defaultLoginTimeout = time.Minute
	defaultKeepAlive    = 30 * time.Second
	defaultMaxPending   = 64
	defaultMaxPerSource = 16
	defaultMaxSessions  = 64
	defaultMaxForwards  = 64
)

// WithDefaults returns c with every field set that has a default.
func (c Config) WithDefaults() Config {
	if c.Shell == "" {
		c.Shell = defaultShell
	}
	if c.SFTPServer == "" {
		c.SFTPServer = defaultSFTPServer
	}
	if c.LoginTimeout <= 0 {
		c.LoginTimeout = defaultLoginTimeout
	}
	if c.KeepAlive <= 0 {
		c.KeepAlive = defaultKeepAlive
	}
	if c.MaxPending <= 0 {
		c.MaxPending = defaultMaxPending
	}
	if c.MaxPendingPerSource <= 0 {
		c.MaxPendingPerSource = defaultMaxPerSource
	}
	if c.MaxSessions <= 0 {
		c.MaxSessions = defaultMaxSessions
	}
	if c.MaxForwards <= 0 {
		c.MaxForwards = defaultMaxForwards
	}
	return c
}

// Check reports everything that keeps the server from starting with c.
func (c Config) Check() error {
	c = c.WithDefaults()
	var errs []error
	if len(c.Listen) == 0 {
		errs = append(errs, errors.New("ssh: no address to listen on"))
	}
	for _, e := range c.Listen {
		if !e.Address.IsValid() {
			errs = append(errs, fmt.Errorf("ssh: listen address of interface %q is missing", e.Interface))
		} else if a := e.Address.Addr(); a.IsUnspecified() && e.Interface == "" {
			errs = append(errs, fmt.Errorf("ssh: listen address %v means every interface, also the WAN; "+
				"name an address of a LAN", a))
		}
	}
	if !path.IsAbs(c.Shell) {
		errs = append(errs, fmt.Errorf("ssh: shell %q is no absolute path", c.Shell))
	}
	if !path.IsAbs(c.SFTPServer) {
		errs = append(errs, fmt.Errorf("ssh: sftp server %q is no absolute path", c.SFTPServer))
	}
	for _, kv := range c.Env {
		if name, _, ok := strings.Cut(kv, "="); !ok || name == "" {
			errs = append(errs, fmt.Errorf("ssh: environment %q is not of the form NAME=value", kv))
		}
	}
	return errors.Join(errs...)
}
