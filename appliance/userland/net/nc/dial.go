package nc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/resolve"
)

// runDial connects, or with -z only tries to.
func (s settings) runDial(c *command.Call, host, ports string) error {
	if s.numeric {
		if _, err := netip.ParseAddr(host); err != nil {
			return fmt.Errorf("%s: expected an address", host)
		}
	}
	addr, err := resolve.Address(c.Context, "ip"+s.family, host, "")
	if err != nil {
		return err
	}
	if s.scan {
		return s.runScan(c, host, addr, ports)
	}
	port, err := s.portOf(ports)
	if err != nil {
		return err
	}
	conn, err := s.dial(c, host, addr, port)
	if err != nil {
		return err
	}
	defer conn.Close()
	return s.relay(c, conn, input(c, s))
}

// dial connects and says so.
func (s settings) dial(c *command.Call, host string, addr netip.Addr, port int) (net.Conn, error) {
	d := net.Dialer{Timeout: s.wait}
	local, err := s.local()
	if err != nil {
		return nil, err
	}
	if s.port != "" || s.source != "" {
		if d.LocalAddr, err = s.resolveLocal(local); err != nil {
			return nil, err
		}
	}
	to := netip.AddrPortFrom(addr, uint16(port))
	conn, err := d.DialContext(c.Context, s.network(), to.String())
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("connect to %s port %d (%s) timed out", host, port, s.network()[:3])
		}
		return nil, fmt.Errorf("connect to %s port %d (%s) failed: %w", host, port, s.network()[:3],
			resolve.Reason(err))
	}
	if !s.udp || !s.scan {
		s.connected(c, host, port)
	}
	return conn, nil
}

func (s settings) connected(c *command.Call, host string, port int) {
	s.say(c, "Connection to %s %d port [%s/*] succeeded!", host, port, s.network()[:3])
}

func (s settings) resolveLocal(local string) (net.Addr, error) {
	if s.udp {
		return net.ResolveUDPAddr(s.network(), local)
	}
	return net.ResolveTCPAddr(s.network(), local)
}

// runScan tries ports, one or a range. One that takes a connection makes the status 0.
func (s settings) runScan(c *command.Call, host string, addr netip.Addr, ports string) error {
	first, last, err := s.portRange(ports)
	if err != nil {
		return err
	}
	found := false
	for port := first; port <= last && c.Err() == nil; port++ {
		conn, err := s.dial(c, host, addr, port)
		if err == nil && s.udp {
			err = refused(conn)
			if err == nil {
				s.connected(c, host, port)
			}
		}
		if conn != nil {
			conn.Close()
		}
		if err != nil {
			s.say(c, "%s: %v", c.Name, err)
			continue
		}
		found = true
	}
	if !found {
		c.Exit(1)
	}
	return nil
}

// refused asks a port of UDP: who is not there says so, by ICMP; a firewall perhaps nothing.
func refused(conn net.Conn) error {
	if _, err := conn.Write([]byte("X")); err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	_, err := conn.Read(make([]byte, 1))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return resolve.Reason(err)
}

func (s settings) portRange(ports string) (first, last int, err error) {
	from, to, isRange := strings.Cut(ports, "-")
	if !isRange {
		first, err = s.portOf(ports)
		return first, first, err
	}
	first, err1 := strconv.Atoi(from)
	last, err2 := strconv.Atoi(to)
	if err1 != nil || err2 != nil || first < 1 || first > last || last > 65535 {
		return 0, 0, fmt.Errorf("%q is no range of ports", ports)
	}
	return first, last, nil
}
