package site

import (
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// checkLoad loads a site of any bytes: it must give a site or problems, and every
// problem must lie within its file.
func checkLoad(t *testing.T, fsys fstest.MapFS) {
	t.Helper()
	s, problems := Check(fsys)
	if (s == nil) != problems.Failed() {
		t.Fatalf("got %v and %s", s, problems.Text())
	}
	if s != nil {
		checkSite(t, s)
	}
	for i, p := range problems {
		checkProblem(t, fsys, p)
		if i > 0 && less(p, problems[i-1]) {
			t.Errorf("out of order:\n%v\n%v", problems[i-1], p)
		}
	}
}

func checkProblem(t *testing.T, fsys fstest.MapFS, p Problem) {
	t.Helper()
	f, ok := fsys[p.File]
	switch {
	case p.Message == "":
		t.Errorf("no message: %+v", p)
	case p.Line == 0 && p.Col == 0 && p.Excerpt == "": // the file as a whole
	case !ok:
		t.Errorf("a problem of a file that is not there: %v", p)
	default:
		src := source.New(p.File, string(f.Data))
		if p.Line < 1 || p.Line > len(src.Starts) || p.Col < 1 || p.Col > len(src.Line(p.Line))+1 || p.Excerpt == "" {
			t.Errorf("a problem outside its file: %+v", p)
		}
	}
}

func less(a, b Problem) bool {
	if a.Severity != b.Severity {
		return a.Severity < b.Severity
	}
	if a.File != b.File {
		files := []string{source.SiteTOML, source.Hosts, source.Ethers, source.AuthorizedKeys}
		return slices.Index(files, a.File) < slices.Index(files, b.File)
	}
	return a.Line < b.Line || a.Line == b.Line && a.Col < b.Col
}

// checkSite checks what Load promises about every site that it accepts.
func checkSite(t *testing.T, s *Site) {
	t.Helper()
	if s.Name == "" || s.Domain == "" || len(s.LANs) == 0 || len(s.AuthorizedKeys) == 0 {
		t.Errorf("incomplete: %+v", s)
	}
	for _, lan := range s.LANs {
		network := lan.IPv4.Masked()
		if !lan.IPv4.IsValid() || lan.LeaseTime < 2*time.Minute {
			t.Errorf("lan %+v", lan)
		}
		for _, pool := range lan.Pool {
			if pool.Contains(lan.IPv4.Addr()) || !network.Contains(pool.First) || !network.Contains(pool.Last) {
				t.Errorf("lan %+v", lan)
			}
		}
	}
	macs := map[MAC]string{}
	names := map[string]string{}
	for _, h := range s.Hosts {
		for _, m := range h.MACs {
			if macs[m] != "" {
				t.Errorf("MAC %s of %s and %s", m, macs[m], h.Name)
			}
			macs[m] = h.Name
		}
		for _, name := range append([]string{h.Name}, h.Aliases...) {
			if names[name] != "" || model.NotName(name) != "" {
				t.Errorf("name %q of %q and %q", name, names[name], h.Name)
			}
			names[name] = h.Name
		}
		if n := h.Netboot; n != nil && (!h.AsksDHCP() || !n.Server.Is4() || len(n.RootPath) > 255) {
			t.Errorf("netboot of %+v: %+v", h, n)
		}
	}
	printed(t, s)
}

func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.txtar", "testdata/good/*.txtar"} {
		archives, err := filepath.Glob(pattern)
		if err != nil || len(archives) == 0 {
			f.Fatalf("no seeds in %s: %v", pattern, err)
		}
		for _, archive := range archives {
			fsys := addFiles(f, defaultSite(f), archive)
			f.Add(fsys[source.SiteTOML].Data, fsys[source.Hosts].Data, fsys[source.Ethers].Data, fsys[source.AuthorizedKeys].Data)
		}
	}
	f.Fuzz(func(t *testing.T, site, hosts, ethers, keys []byte) {
		checkLoad(t, fstest.MapFS{
			source.SiteTOML:       {Data: site},
			source.Hosts:          {Data: hosts},
			source.Ethers:         {Data: ethers},
			source.AuthorizedKeys: {Data: keys},
		})
	})
}

func FuzzHosts(f *testing.F)  { fuzzFile(f, source.Hosts) }
func FuzzEthers(f *testing.F) { fuzzFile(f, source.Ethers) }
func FuzzKeys(f *testing.F)   { fuzzFile(f, source.AuthorizedKeys) }

// fuzzFile changes one file of the example, whose others go with it.
func fuzzFile(f *testing.F, name string) {
	archives, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, archive := range archives {
		a, err := txtar.ParseFile(archive)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if file.Name == name {
				f.Add(file.Data)
			}
		}
	}
	site := defaultSite(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := fstest.MapFS{}
		for other, file := range site {
			fsys[other] = file
		}
		fsys[name] = &fstest.MapFile{Data: data}
		checkLoad(t, fsys)
	})
}
