package sh

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// redirect makes redirections, in their order. What it returns is to be undone once what they are for has
// ended, or kept, in any case.
func (s *shell) redirect(list []*syntax.Redirect) (*saved, error) {
	if len(list) == 0 {
		return nil, nil
	}
	r := &saved{shell: s, before: map[int]int{}}
	for _, redirection := range list {
		if err := r.redirectOne(redirection); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (s *saved) redirectOne(r *syntax.Redirect) error {
	to, given := 1, false
	switch r.Op {
	case syntax.RdrIn, syntax.RdrInOut, syntax.DplIn, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc:
		to = 0
	}
	if r.N != nil {
		n, err := strconv.Atoi(r.N.Value)
		if err != nil || n > maxNumber {
			return fmt.Errorf("%s: %w", r.N.Value, unix.EBADF)
		}
		to, given = n, true
	}
	switch r.Op {
	case syntax.Hdoc, syntax.DashHdoc:
		return s.document(to, s.hereDocument(r))
	case syntax.WordHdoc:
		return s.document(to, s.literal(r.Word)+"\n")
	case syntax.DplIn, syntax.DplOut:
		word := s.literal(r.Word)
		if r.Op == syntax.DplOut && !given && word != "-" && strings.Trim(word, "0123456789") != "" {
			return s.both(word, unix.O_TRUNC)
		}
		return s.duplicate(to, word)
	case syntax.RdrAll:
		return s.both(s.literal(r.Word), unix.O_TRUNC)
	case syntax.AppAll:
		return s.both(s.literal(r.Word), unix.O_APPEND)
	}
	fd, err := s.openFor(r.Op, s.literal(r.Word))
	if err != nil {
		return err
	}
	s.put(to, fd)
	return nil
}

// maxNumber is the highest number of a file in a script.
const maxNumber = 255

// both redirects standard output and error to a file, as &> does.
func (s *saved) both(name string, how int) error {
	fd, err := s.open(name, unix.O_WRONLY|unix.O_CREAT|how)
	if err != nil {
		return err
	}
	s.put(1, fd)
	s.put(2, fd)
	return nil
}

// duplicate is >&3 and >&-.
func (s *saved) duplicate(to int, word string) error {
	if word == "-" {
		s.put(to, -1)
		return nil
	}
	n, err := strconv.Atoi(word)
	if err != nil {
		return errors.New("redir error")
	}
	fd, ok := s.fds[n]
	if !ok {
		return fmt.Errorf("%s: %w", word, unix.EBADF)
	}
	s.put(to, fd)
	return nil
}

// openFor opens a file as an operator asks for it.
func (s *shell) openFor(op syntax.RedirOperator, name string) (int, error) {
	switch op {
	case syntax.RdrIn:
		return s.open(name, unix.O_RDONLY)
	case syntax.RdrInOut:
		return s.open(name, unix.O_RDWR|unix.O_CREAT)
	case syntax.AppOut:
		return s.open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND)
	case syntax.RdrClob:
		return s.open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)
	case syntax.RdrOut:
		if s.flags['C'] {
			return s.openNew(name)
		}
		return s.open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)
	}
	return -1, errors.New("syntax error: this redirection is not in this shell")
}

// openNew is > with set -C: no regular file that is there is overwritten.
func (s *shell) openNew(name string) (int, error) {
	var stat unix.Stat_t
	if err := unix.Stat(s.actual(name), &stat); err == nil && stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return s.open(name, unix.O_WRONLY)
	}
	fd, err := openFile(s.actual(name), unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o666)
	if err != nil {
		return -1, notOpened(name, unix.O_CREAT, err)
	}
	return fd, nil
}

// notOpened says what has failed in the words of ash.
func notOpened(name string, flags int, err error) error {
	if flags&unix.O_CREAT != 0 {
		return fmt.Errorf("can't create %s: %w", name, because(err, "nonexistent directory"))
	}
	return fmt.Errorf("can't open %s: %w", name, because(err, "no such file"))
}

// because is an error, or missing in place of the system's words for what is not there.
func because(err error, missing string) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return errors.New(missing)
	}
	return errors.New(command.Message(err))
}

// open opens a file. That of a FIFO may take for ever: a person's ^C ends it.
func (s *shell) open(name string, flags int) (int, error) {
	var stat unix.Stat_t
	actual := s.actual(name)
	if !s.interactive() || unix.Stat(actual, &stat) != nil || stat.Mode&unix.S_IFMT != unix.S_IFIFO {
		fd, err := openFile(actual, flags, 0o666)
		if err != nil {
			return -1, notOpened(name, flags, err)
		}
		return fd, nil
	}
	type opened struct {
		fd  int
		err error
	}
	done := make(chan opened, 1)
	go func() {
		fd, err := openFile(actual, flags, 0o666)
		if err != nil {
			err = notOpened(name, flags, err)
		}
		done <- opened{fd, err}
	}()
	for {
		select {
		case o := <-done:
			return o.fd, o.err
		case <-s.wake:
			if s.interrupted() {
				// who opens the other end later finds the goroutine, which is let go
				panic(leave{status: exitSignal + int(unix.SIGINT), interrupt: true})
			}
		}
	}
}

func openFile(name string, flags int, mode uint32) (int, error) {
	for {
		fd, err := unix.Open(name, flags|unix.O_CLOEXEC, mode)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// hereDocument is the text of one. It is expanded unless its end is quoted; <<- takes away tabs.
func (s *shell) hereDocument(r *syntax.Redirect) string {
	if r.Hdoc == nil {
		return ""
	}
	word := *r.Hdoc
	if r.Op == syntax.DashHdoc {
		word.Parts = withoutTabs(word.Parts)
	}
	if !isQuoted(r.Word) {
		return s.documentText(&word)
	}
	var b strings.Builder
	for _, part := range word.Parts {
		if lit, ok := part.(*syntax.Lit); ok {
			b.WriteString(original(lit.Value))
		} else { // the parser has seen no quotes in E"O"F
			b.WriteString(printed(&syntax.Word{Parts: []syntax.WordPart{part}}))
		}
	}
	return b.String()
}

// withoutTabs takes the tabs from the beginnings of lines.
func withoutTabs(parts []syntax.WordPart) []syntax.WordPart {
	var out []syntax.WordPart
	begins := true
	for _, part := range parts {
		lit, ok := part.(*syntax.Lit)
		if !ok {
			out, begins = append(out, part), false
			continue
		}
		lines := strings.SplitAfter(lit.Value, "\n")
		for i, line := range lines {
			if begins || i > 0 {
				lines[i] = strings.TrimLeft(line, "\t")
			}
		}
		begins = strings.HasSuffix(lit.Value, "\n")
		out = append(out, &syntax.Lit{Value: strings.Join(lines, "")})
	}
	return out
}

// isQuoted reports whether any of a word is.
func isQuoted(w *syntax.Word) bool {
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.SglQuoted, *syntax.DblQuoted:
			return true
		case *syntax.Lit:
			if strings.Contains(p.Value, `\`) {
				return true
			}
		}
	}
	return false
}

// document makes a here-document: a file in memory.
func (s *saved) document(to int, text string) error {
	fd, err := memory("here-document", []byte(text))
	if err != nil {
		return err
	}
	s.put(to, fd)
	return nil
}

// memory is a file that is only in memory, to be read from its beginning.
func memory(name string, data []byte) (int, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("%s: %w", name, err)
	}
	if _, err = writeAll(fd, data); err == nil {
		_, err = unix.Seek(fd, 0, io.SeekStart)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: %w", name, err)
	}
	return fd, nil
}

// writeAll writes to a descriptor that may be one that does not wait.
func writeAll(fd int, data []byte) (n int, err error) {
	for n < len(data) {
		m, err := unix.Write(fd, data[n:])
		switch {
		case errors.Is(err, unix.EAGAIN):
			if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1); err != nil &&
				!errors.Is(err, unix.EINTR) {
				return n, err
			}
		case err != nil && !errors.Is(err, unix.EINTR):
			return n, err
		}
		n += max(m, 0)
	}
	return n, nil
}

// readSome reads from a descriptor, and waits if there is nothing.
func readSome(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Read(fd, p)
		switch {
		case errors.Is(err, unix.EAGAIN):
			if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1); err != nil &&
				!errors.Is(err, unix.EINTR) {
				return 0, err
			}
		case !errors.Is(err, unix.EINTR):
			return n, err
		}
	}
}
