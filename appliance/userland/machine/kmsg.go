package machine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// kmsg has one record for each read, the oldest first; a reader waits for the next.
const kmsg = "/dev/kmsg"

// maxRecord is the most that the kernel has in one (CONSOLE_EXT_LOG_MAX).
const maxRecord = 8 << 10

// A record is a message of the kernel (Documentation/ABI/testing/dev-kmsg).
type record struct {
	priority int
	at       time.Duration // as the kernel counts
	text     string        // one line or several
}

// follow shows what there is, unless it is to be fresh, and what comes. What is overwritten before it is read
// is said to be missing: nothing is left out in silence.
func follow(v view, fresh bool) error {
	fd, err := unix.Open(kmsg, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return command.Named(kmsg, err)
	}
	defer unix.Close(fd)
	if fresh {
		if _, err := unix.Seek(fd, 0, io.SeekEnd); err != nil {
			return command.Named(kmsg, err)
		}
	}
	wait := func() error {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if errors.Is(err, unix.EINTR) {
			return nil
		}
		return err
	}
	return followRecords(v, func(b []byte) (int, error) { return unix.Read(fd, b) }, wait)
}

// followRecords shows what read has. When there is no more (EAGAIN) it waits.
func followRecords(v view, read func([]byte) (int, error), wait func() error) error {
	buffer := make([]byte, maxRecord)
	for v.out.Err() == nil { // whoever flushes last says it
		n, err := read(buffer)
		switch {
		case errors.Is(err, unix.EAGAIN):
			if err = nil; v.out.Flush() == nil {
				err = wait()
			}
		case errors.Is(err, unix.EPIPE):
			fmt.Fprintln(v.out, "(messages are missing here: they were overwritten before they could be read)")
			err = nil
		case errors.Is(err, unix.EINTR):
			err = nil
		case err == nil:
			if r, ok := parseRecord(buffer[:n]); ok {
				r.show(v)
			}
		}
		if err != nil {
			return command.Named(kmsg, err)
		}
	}
	return nil
}

// show prints a record as syslog(2) has it: each line with the time.
func (r record) show(v view) {
	for line := range strings.SplitSeq(r.text, "\n") {
		v.line(r.priority, fmt.Sprintf("[%5d.%06d] %s", r.at/time.Second, r.at%time.Second/time.Microsecond,
			line))
	}
}

// parseRecord reads "6,339,5140900,-;text"; lines behind the first are for programs.
func parseRecord(b []byte) (r record, ok bool) {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	head, text, found := strings.Cut(string(line), ";")
	fields := strings.Split(head, ",")
	if !found || len(fields) < 3 {
		return record{}, false
	}
	priority, err1 := strconv.ParseUint(fields[0], 10, 16)
	micros, err2 := strconv.ParseUint(fields[2], 10, 53)
	if err1 != nil || err2 != nil {
		return record{}, false
	}
	return record{int(priority), time.Duration(micros) * time.Microsecond, unescape(text)}, true
}

// unescape takes back the escapes of the kernel: \x0a.
func unescape(text string) string {
	var b strings.Builder
	for text != "" {
		before, after, found := strings.Cut(text, `\x`)
		b.WriteString(before)
		if !found {
			break
		}
		code, err := strconv.ParseUint(after[:min(2, len(after))], 16, 8)
		if err != nil || len(after) < 2 {
			b.WriteString(`\x`)
			text = after
			continue
		}
		b.WriteByte(byte(code))
		text = after[2:]
	}
	return b.String()
}
