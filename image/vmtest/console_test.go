package vmtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func testConsole(t *testing.T) *Console {
	t.Helper()
	c, err := newConsole(filepath.Join(t.TempDir(), "console"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConsoleExpectReadsOn(t *testing.T) {
	c := testConsole(t)
	fmt.Fprint(c, "login: one\nlogin: two\n")
	for _, want := range []string{"one", "two"} {
		match, err := c.Expect(t.Context(), `login: (\w+)`)
		if err != nil || match[1] != want {
			t.Fatalf("Expect found %q, %v, want %q", match, err, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if match, err := c.Expect(ctx, `login`); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("what was read was found again: %q, %v", match, err)
	}
}

func TestConsoleExpectWaits(t *testing.T) {
	c := testConsole(t)
	go func() {
		for _, part := range []string{"NETB", "OOT", "-OK\n"} {
			fmt.Fprint(c, part)
		}
	}()
	if _, err := c.Expect(t.Context(), "NETBOOT-OK"); err != nil {
		t.Error(err)
	}
}

func TestConsoleExpectEndsWithTheMachine(t *testing.T) {
	c := testConsole(t)
	fmt.Fprint(c, "panic\n")
	c.close()
	if _, err := c.Expect(t.Context(), "panic"); err != nil {
		t.Errorf("the last words are lost: %v", err)
	}
	if _, err := c.Expect(t.Context(), "login"); err == nil || !strings.Contains(err.Error(), "off without saying") {
		t.Errorf("waiting for a machine that is off ended with %v", err)
	}
}

func TestConsoleKeepsEverything(t *testing.T) {
	c := testConsole(t)
	fmt.Fprint(c, "\x1bcSeaBIOS\r\none\r\ntwo\r\n")
	if got := c.Tail(2); got != "one\ntwo" {
		t.Errorf("Tail(2) = %q", got)
	}
	if got := c.Tail(9); got != "cSeaBIOS\none\ntwo" {
		t.Errorf("Tail(9) = %q", got)
	}
	log, err := os.ReadFile(c.log.Name())
	if err != nil || string(log) != c.Text() {
		t.Errorf("the log holds %q, %v; the console said %q", log, err, c.Text())
	}
}
