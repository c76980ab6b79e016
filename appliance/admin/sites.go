package admin

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/box"
	"github.com/gatehouse-os/gatehouse/appliance/box/kept"
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/site"
	"github.com/gatehouse-os/gatehouse/site/bundle"
	"github.com/gatehouse-os/gatehouse/site/dir"
)

// Names of sites that are none of a number.
const (
	runningWord = "running"
	imageWord   = "image"
)

// ReadSite returns the site that runs, or image's when none does yet.
func ReadSite(dir string, image fs.FS) (*site.Site, error) {
	s, err := readRunning(dir, image)
	return s.Site, err
}

// readRunning is ReadSite with the files.
func readRunning(dir string, image fs.FS) (box.Site, error) {
	b, err := shown.ReadSite(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return readSite(image)
	}
	if err != nil {
		return box.Site{}, err
	}
	return box.Load(0, b)
}

// readSite reads a site from its directory: the files that belong to it, and no others.
func readSite(fsys fs.FS) (box.Site, error) {
	s, files, err := bundle.Read(fsys, nil)
	return box.Site{Files: files, Site: s}, err
}

// siteOf returns the site that a word means: running, image, the number of a kept one, - for a tar archive on
// standard input, or a directory.
func siteOf(env Env, word string) (box.Site, error) {
	switch n, err := strconv.Atoi(word); {
	case word == runningWord:
		return readRunning(env.RunDir, env.Image)
	case word == imageWord:
		return readSite(env.Image)
	case word == "-":
		b, err := bundle.OpenTar(env.Stdin)
		if err != nil {
			return box.Site{}, fmt.Errorf("standard input: %w", err)
		}
		return readNew(b.FS())
	case err == nil:
		b, err := kept.Open(env.KeptDir).Get(n)
		if err != nil {
			return box.Site{}, err
		}
		return box.Load(n, b)
	}
	from, err := dir.Open(word)
	if err != nil {
		return box.Site{}, fmt.Errorf("%s is no directory, and neither %s, %s nor the number of a kept site",
			word, runningWord, imageWord)
	}
	defer from.Close()
	return readNew(from)
}

// readNew is readSite with warnings, and with the counts in an error.
func readNew(fsys fs.FS) (box.Site, error) {
	s, files, problems := bundle.Check(fsys, nil)
	if problems.Failed() {
		return box.Site{}, fmt.Errorf("the site has problems:\n%w\n%s", problems, problems.Counts())
	}
	return box.Site{Files: files, Site: s, Warnings: problems}, nil
}

// change says in words what becomes of a box of one site that gets another, with what it has learned.
func change(env Env, from, to box.Site) (plan.Change, error) {
	learned, err := shown.ReadLearned(env.RunDir)
	if err != nil {
		return plan.Change{}, err
	}
	a, b := plan.Make(from.Site, learned), plan.Make(to.Site, learned)
	return plan.Describe(from.Site, to.Site, a, b), nil
}

// diffSites prints what would change from one site to another; its exit status is that of diff(1).
func diffSites(_ context.Context, env Env, args []string) error {
	words, err := cli.Options(flag.NewFlagSet("diff", flag.ContinueOnError), args, 2)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return cli.ErrUsage
	}
	words = append(words, runningWord)
	from, err := siteOf(env, words[0])
	if err != nil {
		return err
	}
	to, err := siteOf(env, words[1])
	if err != nil {
		return err
	}
	c, err := change(env, from, to)
	if err != nil {
		return err
	}
	fmt.Fprint(env.Stderr, from.Warnings.Text(), to.Warnings.Text())
	switch {
	case !c.Nothing:
		if err := c.Print(env.Stdout); err != nil {
			return err
		}
		return cli.ErrProblems
	case from.Hash() != to.Hash():
		fmt.Fprintln(env.Stdout, "The files differ, and mean the same.")
		return cli.ErrProblems
	}
	_, err = fmt.Fprintln(env.Stdout, "They are the same.")
	return err
}

// writeSite writes the files of a site into a directory, to be changed and applied.
func writeSite(_ context.Context, env Env, args []string) error {
	words, err := cli.Options(flag.NewFlagSet("site", flag.ContinueOnError), args, 2)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return cli.ErrUsage
	}
	s, err := siteOf(env, append(words, runningWord)[1])
	if err != nil {
		return err
	}
	dir := words[0]
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: nothing was written", dir)
	}
	for name, data := range s.Files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(env.Stdout, "%d files in %s: change them, then gatehouse apply %[2]s\n",
		len(s.Files), dir)
	return err
}

// PastSite is one line of `gatehouse history`.
type PastSite struct {
	Number  int         `json:"number"` // 0: the image's
	Meta    bundle.Meta `json:"meta"`
	State   string      `json:"state,omitempty"`   // "running", "on trial", "of another image"
	Problem string      `json:"problem,omitempty"` // why it cannot be read
}

// history prints the sites that the box was, the newest first.
func history(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("history", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	all, err := pastSites(ctx, env)
	if err != nil {
		return err
	}
	if *asJSON {
		return cli.JSON(env.Stdout, all)
	}
	rows := [][]string{{"SITE", "WHEN", "BY", "FROM", "WHAT", ""}}
	for _, p := range all {
		number, when := strconv.Itoa(p.Number), p.Meta.When.Local().Format("2006-01-02 15:04")
		if p.Number == 0 {
			number = imageWord
		}
		if p.Meta.When.IsZero() {
			when = "-"
		}
		m := p.Meta
		rows = append(rows, []string{number, when, cmp.Or(m.Who, "-"), cmp.Or(m.From, "-"), cmp.Or(m.What, "-"),
			cmp.Or(p.Problem, p.State)})
	}
	return cli.Rows(printable.Writer(env.Stdout), rows)
}

func pastSites(ctx context.Context, env Env) ([]PastSite, error) {
	entries, err := kept.Open(env.KeptDir).List()
	if err != nil {
		return nil, err
	}
	image, err := readSite(env.Image)
	if err != nil {
		return nil, fmt.Errorf("the image's site: %w", err)
	}
	var r box.Running
	asked, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	unknown := env.ask(asked, InitService, "site", nil, &r) // history is there without it
	var all []PastSite
	for _, e := range entries {
		p := PastSite{Number: e.Number, Meta: e.Meta}
		switch {
		case e.Err != nil:
			p.Problem = e.Err.Error()
		case e.Meta.Base != image.Hash():
			p.State = "of another image"
		}
		all = append(all, p)
	}
	if r.Trial != nil {
		all = slices.Insert(all, 0, PastSite{Number: r.Trial.Number, Meta: r.Meta})
	}
	all = append(all, PastSite{Meta: bundle.Meta{What: "the disk's own"}})
	for i := range all {
		if unknown == nil && all[i].Number == r.Number {
			all[i].State = "running"
			if r.Trial != nil {
				all[i].State = fmt.Sprintf("on trial, %s left", cli.Span(r.Trial.Left))
			}
		}
	}
	return all, nil
}
