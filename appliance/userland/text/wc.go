package text

import (
	"fmt"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const wcHelp = `  -l  lines
  -w  words
  -m  characters
  -c  bytes
  -L  length of the longest line
`

// wcLetters are the options, in the order of the counts.
const wcLetters = "lwmcL"

// counts are of lines, words, characters, bytes, and the longest line.
type counts [len(wcLetters)]int64

const (
	wcLines = iota
	wcWords
	wcRunes
	wcBytes
	wcLength
)

// wc counts.
func wc(c *command.Call) {
	var wanted []int
	for i := range wcLetters {
		if c.Has(wcLetters[i]) {
			wanted = append(wanted, i)
		}
	}
	one := len(wanted) == 1 && len(c.Args) <= 1
	if wanted == nil {
		wanted = []int{wcLines, wcWords, wcBytes}
	}
	show := func(n counts, name string) {
		for i, what := range wanted {
			switch {
			case i > 0:
				fmt.Fprintf(c.Stdout, " %9d", n[what])
			case one:
				fmt.Fprint(c.Stdout, n[what])
			default:
				fmt.Fprintf(c.Stdout, "%9d", n[what])
			}
		}
		if len(c.Args) > 0 {
			c.Stdout.WriteString(" " + name)
		}
		c.Stdout.WriteByte('\n')
	}
	var total counts
	c.Each(func(name string, r io.Reader) error {
		counter := wordCounter{unicode: isUnicode()}
		err := eachPiece(c, r, counter.count)
		counter.endLine()
		counter.endWord()
		for i, n := range counter.counts {
			total[i] += n
		}
		total[wcLength] = max(total[wcLength]-counter.counts[wcLength], counter.counts[wcLength])
		show(counter.counts, name)
		return err
	})
	if len(c.Args) > 1 {
		show(total, "total")
	}
}

// wordCounter counts one file. A word has something that can be printed in it.
type wordCounter struct {
	counts
	unicode bool
	column  int64
	inWord  bool
}

func (w *wordCounter) count(piece []byte) error {
	w.counts[wcBytes] += int64(len(piece))
	for _, b := range piece {
		if !w.unicode || !isInside(b) {
			w.counts[wcRunes]++
		}
		switch {
		case b > ' ' && b <= '~':
			w.column++
			w.inWord = true
			continue
		case b == ' ':
			w.column++
		case b == '\t':
			w.column = (w.column | 7) + 1
		case b == '\v':
			w.endLine()
		case b == '\n':
			w.counts[wcLines]++
			w.endLine()
			w.column = 0
		case b == '\f' || b == '\r':
			w.endLine()
			w.column = 0
		default:
			continue
		}
		w.endWord()
	}
	return nil
}

func (w *wordCounter) endLine() { w.counts[wcLength] = max(w.counts[wcLength], w.column) }

func (w *wordCounter) endWord() {
	if w.inWord {
		w.counts[wcWords]++
	}
	w.inWord = false
}
