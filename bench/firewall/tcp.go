package main

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	tcpPort  = "5201"
	tcpSlice = 100 * time.Millisecond
	tcpWrite = 128 << 10
)

// throughput compares one long TCP connection through each of two labs, which alternate in slices of time.
// Both hosts are this process: what counts is how much arrives in a second of its processor's time, for it is
// the machine's load that decides about the clock's.
func throughput(ctx context.Context, ours, peer *lab, rounds int) (row, error) {
	r := row{what: "TCP, LAN to WAN, Mbit per second of processor", bound: atLeast, target: 0.95}
	var both [2]*connection
	for i, l := range []*lab{ours, peer} {
		if err := l.meet(ctx); err != nil {
			return r, err
		}
		c, err := l.connect(ctx)
		if err != nil {
			return r, err
		}
		defer c.close()
		both[i] = c
	}
	for i := range 2 * (rounds + warmUp) {
		j := (i + i/2) % 2 // in turn, and who is first in turn
		rate, err := both[j].slice()
		if err := errors.Join(ctx.Err(), err); err != nil {
			return r, err
		}
		if i >= 2*warmUp {
			rates := [2]*[]float64{&r.ours, &r.peer}[j]
			*rates = append(*rates, rate)
		}
	}
	return r, nil
}

// A connection is TCP between the hosts of a lab, whose receiver reads all that comes.
type connection struct {
	out, in net.Conn
}

func (l *lab) connect(ctx context.Context) (*connection, error) {
	var listener net.Listener
	err := l.wan.do(func() (err error) {
		listener, err = net.Listen("tcp4", wanHost+":"+tcpPort)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	c := &connection{}
	err = l.lan.do(func() (err error) {
		c.out, err = new(net.Dialer).DialContext(ctx, "tcp4", wanHost+":"+tcpPort)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.in, err = listener.Accept()
	return c, err
}

func (c *connection) close() { c.out.Close(); c.in.Close() }

// slice sends for a while and waits until all has arrived.
func (c *connection) slice() (mbit float64, err error) {
	start, err := processCPU()
	if err != nil {
		return 0, err
	}
	sent := make(chan int, 1)
	failed := make(chan error, 1)
	go func() {
		n, buffer := 0, make([]byte, tcpWrite)
		var err error
		for end := time.Now().Add(tcpSlice); err == nil && time.Now().Before(end); n += len(buffer) {
			_, err = c.out.Write(buffer)
		}
		failed <- err
		sent <- n
	}()
	buffer, got, want := make([]byte, tcpWrite), 0, -1
	for want < 0 || got < want {
		select {
		case want = <-sent:
			continue
		default:
		}
		_ = c.in.SetReadDeadline(time.Now().Add(10 * time.Millisecond)) // to look whether the sender is done
		n, err := c.in.Read(buffer)
		got += n
		if ne, ok := errors.AsType[net.Error](err); err != nil && !(ok && ne.Timeout()) {
			return 0, err
		}
	}
	end, err := processCPU()
	return float64(got) * 8 / 1e6 / (end - start).Seconds(), errors.Join(err, <-failed)
}

// processCPU is the processor's time that this process has used.
func processCPU() (time.Duration, error) {
	var u unix.Rusage
	err := unix.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}
