package prompt

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/emulator"
)

// screenOf is what a terminal shows, and where its cursor is.
func screenOf(s *emulator.Screen) string {
	return fmt.Sprintf("%s%d:%d %v", s, s.Row, s.Column, s.Unknown)
}

// keys are what the test does to a line, by a letter; what is none of them is typed.
func press(l *Line, keys string) {
	for _, r := range keys {
		switch r {
		case '<':
			l.Go(Left)
		case '>':
			l.Go(Right)
		case '[':
			l.Go(Start)
		case ']':
			l.Go(End)
		case '{':
			l.Go(WordLeft)
		case '}':
			l.Go(WordRight)
		case '-':
			l.Delete(Left)
		case '+':
			l.Delete(Right)
		case '^':
			l.Delete(WordLeft)
		case '#':
			l.Delete(End)
		case '~':
			l.Transpose()
		default:
			l.Type(r)
		}
	}
}

// TestKeys: what keys make of a line, "|" being the cursor, and the columns that this takes behind "$ ".
func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		keys, want string
		column     int
	}{
		{"echo a", "echo a|", 8},
		{"日本", "日本|", 6},
		{"日本<", "日|本", 4},
		{"日本<<x", "x|日本", 3},
		{"日本-", "日|", 4},
		{"日本[+", "|本", 2},
		{"🐢a<", "🐢|a", 4},
		{"ae\u0301b<", "ae\u0301|b", 4},
		{"ae\u0301b<<", "a|e\u0301b", 3},
		{"ae\u0301b<-", "a|b", 3},
		{"ae\u0301b[>>", "ae\u0301|b", 4},
		{"ae\u0301b[>+", "a|b", 3},
		{"ae\u0301b<~", "abe\u0301|", 5},
		{"日a~", "a日|", 5},
		{"a~", "a|", 3},
		{"one 二 three{{x", "one x|二 three", 7},
		{"one 二 three[}}^", "one |three", 6},
		{"one 二 three[}#", "one |", 6},
		{"a\tb", "a\tb|", 9},
		{"\x01\u200b", "\x01\u200b|", 10}, // shown as ^A\u200b
		{"-+<>[]{}^#~", "|", 2},
	} {
		l := &Line{Prompt: "$ "}
		press(l, tt.keys)
		got := l.String()[:l.Pos()] + "|" + l.String()[l.Pos():]
		s := emulator.New(3, 80)
		_, _ = s.Write(l.Draw(80))
		if got != tt.want || s.Column != tt.column {
			t.Errorf("%q: %q in column %d, want %q in %d", tt.keys, got, s.Column, tt.want, tt.column)
		}
	}
}

// TestSent: not more is sent than what has changed.
func TestSent(t *testing.T) {
	l := &Line{Prompt: "$ "}
	for _, tt := range []struct{ keys, want string }{
		{"", "$ "},
		{"a", "a"},
		{"日", "日"},
		{"本", "本"},
		{"<", "\x1b[2D"},
		{"x", "x本\x1b[2D"},
		{"[", "\x1b[4D"},
		{"+", "日x本\x1b[J\x1b[5D"},
		{"]", "\x1b[5C"},
		{"-", "\x1b[2D\x1b[J"},
		{"e", "e"},
		{"\u0301", "\x1b[De\u0301"},
	} {
		press(l, tt.keys)
		if got := string(l.Draw(80)); got != tt.want {
			t.Errorf("%q: sent %q, want %q", tt.keys, got, tt.want)
		}
	}
}

// TestDraw: what is sent for the changes of a line shows what it would be drawn anew, in a window of any
// width, in which it is not higher than the screen.
func TestDraw(t *testing.T) {
	const alphabet = "aab  日本語🐢é\u0301\u0308\t\x01<<>>[]{}--+^#~"
	all := []rune(alphabet)
	const rows = 60
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		columns := 5 + rnd.IntN(30)
		s, l := emulator.New(rows, columns), &Line{Prompt: []string{"$ ", "箱:/$ ", "12345678# "}[rnd.IntN(3)]}
		var typed strings.Builder
		for range 30 {
			key := string(all[rnd.IntN(len(all))])
			typed.WriteString(key)
			press(l, key)
			if rnd.IntN(3) == 0 {
				continue
			}
			_, _ = s.Write(l.Draw(columns))
			fresh := emulator.New(rows, columns)
			_, _ = fresh.Write((&Line{Prompt: l.Prompt, text: l.text, pos: l.pos}).Draw(columns))
			if got, want := screenOf(s), screenOf(fresh); got != want {
				t.Fatalf("%d columns, %q: shows\n%s\nwant\n%s", columns, typed.String(), strings.TrimRight(got,
					"\n"), strings.TrimRight(want, "\n"))
			}
		}
		_, _ = s.Write(l.Leave(columns))
		if got, want := screenOf(s), screenOf(emulator.New(rows, columns)); got != want {
			t.Fatalf("%q is left on the screen:\n%s", typed.String(), got)
		}
	}
}

// TestMargin: a row that is full, and one in which a wide character has no place, end before the next.
func TestMargin(t *testing.T) {
	for _, tt := range []struct {
		keys        string
		rows        []string
		row, column int
	}{
		{"abc", []string{"$ abc", ""}, 1, 0},
		{"abc<", []string{"$ abc", ""}, 0, 4},
		{"ab日", []string{"$ ab", "日"}, 1, 2},
		{"ab日<", []string{"$ ab", "日"}, 1, 0},
		{"a日", []string{"$ a日", ""}, 1, 0},
		{"ab日本c語", []string{"$ ab", "日本c", "語"}, 2, 2},
		{"ab日本c語[>>", []string{"$ ab", "日本c", "語"}, 1, 0},
		{"abce\u0301", []string{"$ abc", "e\u0301"}, 1, 1},
		{"abe\u0301", []string{"$ abe\u0301", ""}, 1, 0},
	} {
		s, l := emulator.New(5, 5), &Line{Prompt: "$ "}
		for _, key := range tt.keys {
			press(l, string(key))
			_, _ = s.Write(l.Draw(5))
		}
		var rows []string
		for row := range tt.rows {
			rows = append(rows, s.Line(row))
		}
		if !slices.Equal(rows, tt.rows) || s.Row != tt.row || s.Column != tt.column {
			t.Errorf("%q: %q, cursor %d:%d, want %q, %d:%d", tt.keys, rows, s.Row, s.Column, tt.rows, tt.row,
				tt.column)
		}
	}
}

// TestNarrower: a terminal that wraps the rows of a line when it becomes narrower has the line once, then.
func TestNarrower(t *testing.T) {
	l := &Line{Prompt: "$ "}
	press(l, strings.Repeat("x", 30))
	_ = l.Draw(40)
	s := emulator.New(10, 20)
	_, _ = s.Write([]byte("before\r\n$ " + strings.Repeat("x", 18) + "\r\n" + strings.Repeat("x", 12)))
	_, _ = s.Write(l.Draw(20))
	want := "before\n$ " + strings.Repeat("x", 18) + "\n" + strings.Repeat("x", 12) + "\n"
	if got := strings.TrimRight(s.String(), "\n") + "\n"; got != want || s.Row != 2 || s.Column != 12 {
		t.Errorf("%d:%d\n%s", s.Row, s.Column, got)
	}
}

// TestLength: a line has an end, however much is pasted.
func TestLength(t *testing.T) {
	l := &Line{}
	for range MaxLength + 10 {
		l.Type('x')
	}
	if len(l.String()) != MaxLength {
		t.Errorf("%d characters", len(l.String()))
	}
}
