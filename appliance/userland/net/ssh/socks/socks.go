// Package socks is the server's end of SOCKS (RFC 1928) as far as ssh -D needs it: version 5, CONNECT, nobody
// has to say who he is. It leaves to others: connections, and how long a client may take.
package socks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
)

const (
	version      = 5
	noAuth       = 0
	noneOfThem   = 0xff
	connect      = 1
	kindIPv4     = 1
	kindName     = 3
	kindIPv6     = 4
	saysDone     = 0
	saysFailed   = 1
	saysCommand  = 7
	saysNoSuchIP = 8
)

// Request reads where a client wants to be connected to, "host:port". Who gets it answers by Reply.
func Request(c io.ReadWriter) (address string, err error) {
	if err := greet(c); err != nil {
		return "", err
	}
	head, err := read(c, 4)
	if err != nil {
		return "", err
	}
	if head[0] != version || head[1] != connect {
		return "", errors.Join(fmt.Errorf("command %d: expected CONNECT, 1", head[1]), reply(c, saysCommand))
	}
	host, err := host(c, head[3])
	if err != nil {
		return "", err
	}
	port, err := read(c, 2)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(port)))), nil
}

// Reply says whether there is a connection.
func Reply(c io.Writer, done bool) error {
	if done {
		return reply(c, saysDone)
	}
	return reply(c, saysFailed)
}

func greet(c io.ReadWriter) error {
	head, err := read(c, 2)
	if err != nil {
		return err
	}
	if head[0] != version {
		return fmt.Errorf("version %d of SOCKS: expected 5", head[0])
	}
	methods, err := read(c, int(head[1]))
	if err != nil {
		return err
	}
	for _, m := range methods {
		if m == noAuth {
			_, err := c.Write([]byte{version, noAuth})
			return err
		}
	}
	_, err = c.Write([]byte{version, noneOfThem})
	return errors.Join(errors.New("the client wants to say who it is"), err)
}

func host(c io.ReadWriter, kind byte) (string, error) {
	size := 0
	switch kind {
	case kindIPv4:
		size = 4
	case kindIPv6:
		size = 16
	case kindName:
		length, err := read(c, 1)
		if err != nil {
			return "", err
		}
		name, err := read(c, int(length[0]))
		return string(name), err
	default:
		return "", errors.Join(fmt.Errorf("an address of kind %d: expected 1, 3 or 4", kind),
			reply(c, saysNoSuchIP))
	}
	b, err := read(c, size)
	if err != nil {
		return "", err
	}
	address, _ := netip.AddrFromSlice(b)
	return address.String(), nil
}

func read(c io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(c, b)
	return b, err
}

// reply says no address of ours: none of the client's business.
func reply(c io.Writer, code byte) error {
	_, err := c.Write([]byte{version, code, 0, kindIPv4, 0, 0, 0, 0, 0, 0})
	return err
}
