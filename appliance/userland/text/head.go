package text

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
)

const headUsage = `usage: head [-N | -n N | -c BYTES] [-qv] [FILE…]      (-n -N: all but the last N)`

// Head prints the first lines or bytes of files like head of coreutils.
func Head(_ context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	const command = "head"
	o, err := parsePart(args[1:], "n:c:qv0123456789", "-")
	if err != nil {
		return fail(stderr, exitUsage, command, fmt.Errorf("%w\n%s", err, headUsage))
	}
	return o.eachFile(command, stdin, stdout, stderr, func(r io.Reader) error { return o.head(stdout, r) })
}

// head copies the part of r.
func (e extent) head(w io.Writer, r io.Reader) error {
	switch {
	case e.other:
		return e.allButLast(w, r)
	case e.bytes:
		_, err := io.CopyN(w, r, e.n)
		return endIsFine(err)
	}
	lines := bufio.NewReader(r)
	for range e.n {
		// A line may be longer than the buffer: it comes in pieces.
		piece, err := lines.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) {
			if _, err := w.Write(piece); err != nil {
				return err
			}
			piece, err = lines.ReadSlice('\n')
		}
		if _, werr := w.Write(piece); werr != nil {
			return werr
		}
		if err != nil {
			return endIsFine(err)
		}
	}
	return nil
}

// allButLast copies r without its last part, of which it keeps no more in memory
// than it must.
func (e extent) allButLast(w io.Writer, r io.Reader) error {
	var kept []byte
	chunk := make([]byte, chunkSize)
	for {
		n, err := r.Read(chunk)
		kept = append(kept, chunk[:n]...)
		cut := e.lastStart(kept)
		if _, werr := w.Write(kept[:cut]); werr != nil {
			return werr
		}
		kept = append(kept[:0], kept[cut:]...)
		if err != nil {
			return endIsFine(err)
		}
	}
}

// endIsFine is err unless it is the end of a file.
func endIsFine(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
