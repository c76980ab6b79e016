package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
	"github.com/gatehouse-os/gatehouse/internal/syslog"
)

const (
	// syslogName is what the log calls what programs say by syslog(3), as logger does.
	syslogName = "syslog"
	// syslogSocket is where they say it.
	syslogSocket = "/dev/log"
)

// Who may say something there are hooks and services too, and one may have been taken over.
const (
	syslogBurst = 200                   // messages at once
	syslogEvery = 20 * time.Millisecond // one message after that
)

// listenSyslog makes the socket, anew if there was one.
func listenSyslog(path string) (*net.UnixConn, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		return nil, err
	}
	// the size of a queue bounds each of them, and the bucket all
	if err := os.Chmod(path, 0o666); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// serveSyslog hands on what is said until ctx ends.
func serveSyslog(ctx context.Context, conn *net.UnixConn, say func(line string)) error {
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	bucket := ratelimit.NewBucket(syslogBurst, syslogEvery)
	buffer := make([]byte, syslog.MaxMessage)
	for {
		n, err := conn.Read(buffer)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("%s is no longer read: %w", syslogSocket, err)
		}
		m, ok := syslog.Parse(buffer[:n])
		if !ok {
			continue
		}
		taken, left := bucket.Take(time.Now())
		if left > 0 {
			say(fmt.Sprintf("%d messages are missing here: too many came at once", left))
		}
		if taken {
			say(m.String())
		}
	}
}
