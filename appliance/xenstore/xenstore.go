// Package xenstore has Xen tell that the domain was restored or migrated.
//
// A domain that is restored goes on as if nothing had been. Its kernel, though, then asks Xen's store
// (xenstore) anew for all that is watched there, and each watch is told once when it is set:
//
//	WatchRestored ─ WATCH domid ─► kernel ─► xenstored ─► told: it is set           (not of interest)
//	     restored ◄── told again ◄── kernel, WATCH domid after each restore
//
// No clock tells as much: on a host whose own is behind, those of a restored domain go on from where they
// stood.
//
// It guarantees that a restore is told after the kernel has its clocks again. A domain that only was paused,
// or whose save failed, was not restored. It leaves to others what is done then.
package xenstore

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// device is Xen's store as the kernel of a domain lets root have it.
const device = "/dev/xen/xenbus"

// What is said there: struct xsd_sockmsg and its types (Xen: xen/include/public/io/xs_wire.h,
// docs/misc/xenstore.txt).
const (
	watch      = 4
	watchEvent = 15
	refused    = 16
	maxBody    = 4096 // XENSTORE_PAYLOAD_MAX
	// watched is a node that each domain has and nobody changes, and what a watch on it is called.
	watched = "domid\x00restored\x00"
)

// A head is before the body of each message, in the order of this machine.
type head struct {
	Type, Request, Transaction, Length uint32
}

// WatchRestored calls restored each time the domain was restored or migrated, until ctx ends. On a machine
// that is no domain of Xen it returns at once. It needs root.
func WatchRestored(ctx context.Context, restored func()) error {
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	defer context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })()
	if err := follow(f, restored); ctx.Err() == nil {
		return fmt.Errorf("xenstore: %w", err)
	}
	return nil
}

// follow watches until there is an error.
func follow(store io.ReadWriter, restored func()) error {
	var ask bytes.Buffer
	first := head{Type: watch, Length: uint32(len(watched))}
	_ = binary.Write(&ask, binary.NativeEndian, first) // into memory
	ask.WriteString(watched)
	if _, err := store.Write(ask.Bytes()); err != nil {
		return err
	}
	in := bufio.NewReader(store)
	for set := false; ; {
		kind, err := next(in)
		switch {
		case err != nil:
			return err
		case kind == watchEvent && set:
			restored()
		case kind == watchEvent:
			set = true
		}
	}
}

// next reads a message, and returns its type.
func next(in *bufio.Reader) (uint32, error) {
	var h head
	if err := binary.Read(in, binary.NativeEndian, &h); err != nil {
		return 0, err
	}
	if h.Length > maxBody {
		return 0, fmt.Errorf("a message of %d bytes, at most %d", h.Length, maxBody)
	}
	body := make([]byte, h.Length)
	if _, err := io.ReadFull(in, body); err != nil {
		return 0, err
	}
	if h.Type == refused {
		return 0, fmt.Errorf("%q to a watch", bytes.TrimRight(body, "\x00"))
	}
	return h.Type, nil
}
