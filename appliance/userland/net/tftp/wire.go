package tftp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// An opcode says what a packet is (RFC 1350 section 5, RFC 2347).
type opcode uint16

const (
	opRead  opcode = 1
	opWrite opcode = 2
	opData  opcode = 3
	opACK   opcode = 4
	opError opcode = 5
	opOACK  opcode = 6 // options that the server agrees to
)

// Sizes of blocks, in bytes (RFC 2348).
const (
	usualBlock = 512
	leastBlock = 24 // of busybox's
	mostBlock  = 65464
)

// Errors that are told to the server (RFC 1350, RFC 2347).
const (
	errDisk   = 3
	errOption = 8
)

// request asks for a file, or to write one. Options are asked for only where they are not the usual.
func request(op opcode, name string, block int) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(op))
	b = append(b, name+"\x00octet\x00"...)
	if block != usualBlock {
		b = append(b, "blksize\x00"+strconv.Itoa(block)+"\x00"...)
	}
	return b
}

func numbered(op opcode, block uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, uint16(op)), block)
}

func errorPacket(code uint16, text string) []byte {
	return append(append(numbered(opError, code), text...), 0)
}

// A packet is one of the server's.
type packet struct {
	op    opcode
	block uint16 // of opError the code
	rest  []byte
}

func readPacket(b []byte) (p packet, ok bool) {
	if len(b) < 4 {
		return p, false
	}
	p.op = opcode(binary.BigEndian.Uint16(b))
	if p.op == opOACK {
		p.rest = b[2:]
		return p, true
	}
	p.block, p.rest = binary.BigEndian.Uint16(b[2:]), b[4:]
	return p, p.op == opData || p.op == opACK || p.op == opError
}

// options are those of an OACK, their names in lower case.
func (p packet) options() map[string]string {
	words := bytes.Split(p.rest, []byte{0})
	all := map[string]string{}
	for i := 0; i+1 < len(words); i += 2 {
		all[strings.ToLower(string(words[i]))] = string(words[i+1])
	}
	return all
}

// failure is what an error of the server says.
func (p packet) failure() error {
	text, _, _ := bytes.Cut(p.rest, []byte{0})
	if len(text) == 0 {
		names := []string{
			"", "file not found", "access violation", "disk full", "bad operation", "unknown transfer id",
			"file already exists", "no such user", "bad option",
		}
		if int(p.block) < len(names) {
			text = []byte(names[p.block])
		}
	}
	return fmt.Errorf("server error: (%d) %s", p.block, printable.Cut(string(text), 200))
}
