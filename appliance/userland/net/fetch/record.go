package fetch

import (
	"bytes"
	"net"
	"time"
)

// maxHeader bounds the header of a reply.
const maxHeader = 1 << 20

// A recordedConn keeps the header of a reply as it came: net/http has it in no order. A wait of reads bounds
// silence.
type recordedConn struct {
	net.Conn
	silence time.Duration
	header  *headerRecord
}

// Read implements net.Conn.
func (c *recordedConn) Read(p []byte) (int, error) {
	if c.silence > 0 {
		if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Read(p)
	c.header.add(p[:n])
	return n, err
}

// A headerRecord is a header, from its first line to the empty one behind it.
type headerRecord struct {
	b     []byte
	begin int // of the one that comes now
	done  bool
}

func (h *headerRecord) add(p []byte) {
	if h.done {
		return
	}
	looked := max(h.begin, len(h.b)-3) // an end may have begun before
	h.b = append(h.b, p[:min(len(p), maxHeader-len(h.b))]...)
	for {
		i := bytes.Index(h.b[looked:], []byte("\r\n\r\n"))
		if i < 0 {
			return
		}
		line := h.b[h.begin:]
		h.begin = looked + i + 4
		if looked = h.begin; !interim(line) {
			h.b, h.done = h.b[:h.begin], true
			return
		}
	}
}

// interim reports whether a header is of a reply before the reply: 100 Continue.
func interim(b []byte) bool {
	return len(b) > 9 && bytes.HasPrefix(b, []byte("HTTP/1.")) && b[8] == ' ' && b[9] == '1'
}

// take returns what there is and begins anew.
func (h *headerRecord) take() []byte {
	b, whole := h.b, h.done
	*h = headerRecord{}
	if !whole {
		return nil
	}
	return b
}
