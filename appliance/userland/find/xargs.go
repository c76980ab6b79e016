package find

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

var xargsCommand = command.Command{
	Usage: "[-0rtpx] [-a FILE] [-E STRING] [-I STRING] [-n N] [-s BYTES] [-P N] [COMMAND [ARGUMENT]...]",
	Help: `	-0	items end with NUL
	-a FILE	items of a file
	-E STRING	an item that ends them
	-n N	items a command
	-s BYTES	of a command line; -x: end if an item is longer than that
	-I STRING	a command for each line, with the line in place of STRING
	-P N	commands at a time
	-r, -t, -p	none if there is no item; say each; ask
Exit status: 0; 123 a command failed; 124 one ended with 255; 125 by a signal; 126, 127 it could not be run.
`,
	Letters: "+trn:s:e::E:px0I:i::P:a:",
	Long:    map[string]byte{"no-run-if-empty": 'r'},
	Run:     xargs,
}

// Exit statuses of xargs.
const (
	someFailed = 123
	gaveUp     = 124
	bySignal   = 125
	cannotRun  = 126
	notFound   = 127
)

// maxLine is how long a command line is, in bytes, if -s does not say.
const maxLine = 30 << 10

// errStop ends xargs; its status is set.
var errStop = errors.New("stop")

// A runner runs commands for items.
type runner struct {
	*command.Call
	words    []string
	replace  string // -I; "": items are appended
	most     int    // items
	room     int    // bytes
	parallel int
	ask      *bufio.Reader

	mu     sync.Mutex // of what commands that run at a time change
	failed error
	turns  chan struct{}
	all    sync.WaitGroup
}

func xargs(c *command.Call) {
	x := &runner{Call: c, words: c.Args, room: maxLine, most: maxLine, parallel: 1}
	if len(x.words) == 0 {
		x.words = []string{"echo"}
	}
	if err := x.settings(); err != nil {
		c.Misused("%v", err)
		return
	}
	for _, word := range x.words {
		x.room -= len(word) + 1
	}
	if x.room <= 0 {
		c.Fail(errors.New("no room for an item in the command line"))
		return
	}
	in := c.Stdin
	if name, ok := c.Value('a'); ok {
		r, err := c.Open(name)
		if err != nil {
			c.Fail(err)
			return
		}
		defer r.Close()
		in = r
	}
	x.turns = make(chan struct{}, x.parallel)
	err := x.items(bufio.NewReaderSize(in, 32<<10))
	x.all.Wait()
	if err != nil && err != errStop {
		c.Fail(err)
	}
}

// settings reads the options.
func (x *runner) settings() error {
	for _, o := range x.Options {
		switch o.Letter {
		case 'n', 's', 'P':
			n, err := strconv.ParseUint(o.Value, 10, 31)
			if err != nil || n == 0 && o.Letter != 'P' {
				return fmt.Errorf("-%c %s: expected a number", o.Letter, o.Value)
			}
			switch o.Letter {
			case 'n':
				x.most = int(n)
			case 's':
				x.room = int(n)
			case 'P':
				if x.parallel = int(n); n == 0 || n > 100 {
					x.parallel = 100
				}
			}
		case 'I', 'i':
			if x.replace = o.Value; o.Value == "" {
				x.replace = "{}"
			}
		case 'p':
			tty, err := os.Open("/dev/tty")
			if err != nil {
				return err
			}
			x.ask = bufio.NewReader(tty)
		}
	}
	return nil
}

// items reads them and runs commands as soon as there are enough.
func (x *runner) items(in *bufio.Reader) error {
	end := ""
	for _, o := range x.Options {
		if o.Letter == 'E' || o.Letter == 'e' {
			end = o.Value
		}
	}
	var some []string
	used, ran := 0, false
	for {
		item, err := x.item(in)
		if err == io.EOF || err == nil && end != "" && item == end && !x.Has('0') {
			break
		}
		if err != nil {
			return err
		}
		if len(item)+1 > x.room {
			return errors.New("an item is longer than a command line may be")
		}
		if len(some) > 0 && used+len(item)+1 > x.room {
			if err := x.start(some); err != nil {
				return err
			}
			some, used, ran = nil, 0, true
		}
		some, used = append(some, item), used+len(item)+1
		if len(some) == x.most || x.replace != "" {
			if err := x.start(some); err != nil {
				return err
			}
			some, used, ran = nil, 0, true
		}
	}
	if len(some) > 0 || !ran && !x.Has('r') && x.replace == "" {
		return x.start(some)
	}
	return nil
}

// item reads the next.
func (x *runner) item(in *bufio.Reader) (string, error) {
	if x.Has('0') || x.replace != "" {
		return x.line(in)
	}
	item, err := word(in)
	item, _, _ = strings.Cut(item, "\x00") // as a program gets it
	return item, err
}

// line is an item of -0 or -I: all up to its end, but for the blanks before it with -I.
func (x *runner) line(in *bufio.Reader) (string, error) {
	for {
		text, err := x.upToEnd(in)
		if text == "" && err != nil {
			return "", err
		}
		if x.replace != "" {
			text = strings.TrimLeft(text, " \t\n\v\f\r")
		}
		if text != "" || x.replace == "" {
			return text, nil
		}
	}
}

// upToEnd reads up to a NUL, or without -0 up to the end of the line if that comes before.
func (x *runner) upToEnd(in *bufio.Reader) (string, error) {
	var text []byte
	for {
		c, err := in.ReadByte()
		if err != nil || c == 0 || c == '\n' && !x.Has('0') {
			return string(text), err
		}
		text = append(text, c)
	}
}

// word is an item between blanks; quotes and backslashes keep blanks in it.
func word(in *bufio.Reader) (string, error) {
	var text []byte
	began := false
	quote := byte(0)
	for {
		c, err := in.ReadByte()
		switch {
		case err == io.EOF && quote != 0:
			return "", fmt.Errorf("unmatched %c", quote)
		case err == io.EOF && began:
			return string(text), nil
		case err != nil:
			return "", err
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			text = append(text, c)
		case c == '\'' || c == '"':
			quote, began = c, true
		case c == '\\':
			if c, err = in.ReadByte(); err == nil {
				text, began = append(text, c), true
			}
		case c == ' ' || c >= '\t' && c <= '\r':
			if began {
				return string(text), nil
			}
		default:
			text, began = append(text, c), true
		}
	}
}

// start runs a command, beside others with -P.
func (x *runner) start(items []string) error {
	args := append([]string(nil), x.words...)
	if x.replace != "" {
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], x.replace, items[0])
		}
	} else {
		args = append(args, items...)
	}
	if x.Has('t') || x.ask != nil {
		end := "\n"
		if x.ask != nil {
			end = " ?..."
		}
		fmt.Fprint(x.Stderr, strings.Join(args, " ")+end)
	}
	if x.ask != nil {
		if answer, err := x.ask.ReadString('\n'); err != nil || answer[0] != 'y' && answer[0] != 'Y' {
			return nil
		}
	}
	x.turns <- struct{}{}
	x.all.Add(1)
	run := func() {
		x.run(args)
		<-x.turns
		x.all.Done()
	}
	if x.parallel == 1 {
		run()
	} else {
		go run()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.failed
}

// run runs one to its end.
func (x *runner) run(args []string) {
	err := child(x.Call, args).Run()
	x.mu.Lock()
	defer x.mu.Unlock()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		x.ended(args[0], exit)
	default:
		status := cannotRun
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			status, err = notFound, syscall.ENOENT
		}
		x.Warn(fmt.Errorf("%s: %w", args[0], cause(err)))
		x.stop(status)
	}
}

// ended is for one that failed: most others are run all the same.
func (x *runner) ended(name string, exit *exec.ExitError) {
	status, ok := exit.Sys().(syscall.WaitStatus)
	switch {
	case ok && status.Signaled():
		x.Warn(fmt.Errorf("%s: ended by signal %d", name, status.Signal()))
		x.stop(bySignal)
	case exit.ExitCode() == 255:
		x.Warn(fmt.Errorf("%s: exit status 255", name))
		x.stop(gaveUp)
	case x.failed == nil:
		x.Exit(someFailed)
	}
}

func (x *runner) stop(status int) {
	x.Exit(status)
	x.failed = errStop
}
