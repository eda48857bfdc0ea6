// SPDX-License-Identifier: MIT

package ci

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what package uv binds into doc/coverage.md")

const coverage = "../doc/coverage.md"

// toCome is the parts of libuv's manual that package uv does not bind yet, or not wholly.
var toCome = []string{"FS event", "FS poll", "File system", "Thread pool", "DNS", "Threads", "Miscellaneous"}

// A row is what the page says of a function of libuv.
type row struct {
	name    string
	section string
	since   int    // as in 45 for 1.45
	says    string // where it is bound, or why not
}

var rowPattern = regexp.MustCompile("^\\| `(uv_\\w+)` \\| 1\\.(\\d+)(?:\\.\\d+)? \\| (.*) \\|$")

// page returns the rows of the page, by function.
func page(t *testing.T) map[string]row {
	t.Helper()
	text, err := os.ReadFile(coverage)
	require.NoError(t, err)
	rows, section := map[string]row{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = title
		}
		if m := rowPattern.FindStringSubmatch(line); m != nil {
			since, err := strconv.Atoi(m[2])
			require.NoError(t, err)
			assert.NotContains(t, rows, m[1], "doc/coverage.md has two rows for this function")
			rows[m[1]] = row{m[1], section, since, m[3]}
		} else {
			assert.False(t, strings.HasPrefix(line, "| `"), "doc/coverage.md: this is no row: %s", line)
		}
	}
	return rows
}

var bindsPattern = regexp.MustCompile(`Binds\s+(uv_[^.]*)\.`)

var functionPattern = regexp.MustCompile(`\buv_[a-z0-9_]+\b`)

// bound returns the names of package uv that say that they bind a function, by function, and whether one is exported.
func bound(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string]map[string]bool{}
	add := func(name string, doc *ast.CommentGroup) {
		for _, m := range bindsPattern.FindAllStringSubmatch(doc.Text(), -1) {
			for _, f := range functionPattern.FindAllString(m[1], -1) {
				if found[f] == nil {
					found[f] = map[string]bool{}
				}
				found[f][name] = true
			}
		}
	}
	paths, err := filepath.Glob("../uv/*.go")
	require.NoError(t, err)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				add(funcName(d), d.Doc)
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok {
						add("uv."+s.Name.Name, d.Doc)
						add("uv."+s.Name.Name, s.Doc)
					}
				}
			}
		}
	}
	names := map[string][]string{}
	for f, set := range found {
		names[f] = slices.Sorted(maps.Keys(set))
	}
	return names
}

// funcName returns a function's name as the page writes it: uv.F, uv.T.M or (*uv.T).M.
func funcName(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return "uv." + d.Name.Name
	}
	switch t := d.Recv.List[0].Type.(type) {
	case *ast.StarExpr:
		return fmt.Sprintf("(*uv.%s).%s", t.X.(*ast.Ident).Name, d.Name.Name)
	case *ast.Ident:
		return fmt.Sprintf("uv.%s.%s", t.Name, d.Name.Name)
	}
	return d.Name.Name
}

var comment = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)

// called returns the files whose code names a function of libuv, by function.
func called(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, pattern := range []string{"../csrc/src/*.[ch]", "../uv/*.go"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, paths)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, f := range functionPattern.FindAllString(comment.ReplaceAllString(string(text), ""), -1) {
				if p := strings.TrimPrefix(filepath.ToSlash(path), "../"); !slices.Contains(found[f], p) {
					found[f] = append(found[f], p)
				}
			}
		}
	}
	return found
}

// says is what a row has to say of a function that is bound by these names: them, and the note that it has already.
func says(names []string, before string) string {
	cell := "`" + strings.Join(names, "`, `") + "`"
	if _, note, ok := strings.Cut(before, "; "); ok && strings.HasPrefix(before, "`") {
		cell += "; " + note
	}
	return cell
}

// inside is what a row has to say of a function that only these files name.
func inside(files []string, before string) string {
	cell := "inside: `" + strings.Join(files, "`, `") + "`"
	if reason, ok := strings.CutPrefix(before, "no: "); ok {
		return cell + "; else " + reason
	}
	return cell + "; in Go not yet"
}

// insidePattern is what a row says of a function that only C code calls.
var insidePattern = regexp.MustCompile("^inside: `(csrc/src/\\w+\\.[ch])`(, `csrc/src/\\w+\\.[ch]`)*(; .+)?$")

func TestCoveragePageSaysWhatPackageUVBinds(t *testing.T) {
	rows, names, calls := page(t), bound(t), called(t)
	require.Greater(t, len(names), 50)
	if *update {
		writePage(t, names, calls)
		rows = page(t)
	}
	for f, by := range names {
		r, ok := rows[f]
		if !assert.True(t, ok, "doc/coverage.md has no row for %s, which %s binds", f, by[0]) {
			continue
		}
		if want := says(by, r.says); r.says != want {
			t.Errorf("doc/coverage.md: the row of %s has to say\n\t%s\nand says\n\t%s\n(go test ./ci -run Coverage -update writes it)",
				f, want, r.says)
		}
		if len(calls[f]) == 0 && !strings.Contains(r.says, "; answered without a call") {
			t.Errorf("%s says that it binds %s, which nothing calls: if that is right, its row in doc/coverage.md has to end with "+
				"\"; answered without a call\"", by[0], f)
		}
	}
	for f, r := range rows {
		if names[f] != nil {
			continue
		}
		if strings.HasSuffix(r.says, "not yet") {
			assert.Contains(t, toCome, r.section, "doc/coverage.md: package uv binds this part of libuv, and the row of %s says not yet", f)
		}
		switch {
		case strings.HasPrefix(r.says, "`"):
			t.Errorf("doc/coverage.md: the row of %s says that %s bind it, but no doc comment in uv says \"Binds %s.\"", f, r.says, f)
		case strings.HasPrefix(r.says, "inside: "):
			m := insidePattern.FindStringSubmatch(r.says)
			if assert.NotNil(t, m, "doc/coverage.md: the row of %s does not name files as `csrc/src/x.c`: %s", f, r.says) {
				assert.Contains(t, calls[f], m[1], "doc/coverage.md: %s is not called where its row says", f)
			}
		case strings.HasPrefix(r.says, "no: ") && len(r.says) > len("no: "), r.says == "not yet":
			if len(calls[f]) > 0 {
				t.Errorf("%s names %s: the row of it in doc/coverage.md has to say\n\t%s\nand says\n\t%s\n(go test ./ci -run Coverage "+
					"-update writes it), or a doc comment in uv that it binds it", calls[f][0], f, inside(calls[f], r.says), r.says)
			}
		default:
			t.Errorf("doc/coverage.md: the row of %s says neither names nor \"inside: \", \"no: \" with a reason, nor \"not yet\": %s", f, r.says)
		}
	}
}

// writePage writes into the page what is bound, and what is called without that.
func writePage(t *testing.T, names, calls map[string][]string) {
	t.Helper()
	text, err := os.ReadFile(coverage)
	require.NoError(t, err)
	var lines []string
	for line := range strings.Lines(string(text)) {
		if m := rowPattern.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			f, cell := m[1], m[3]
			if names[f] != nil {
				cell = says(names[f], cell)
			} else if calls[f] != nil && (cell == "not yet" || strings.HasPrefix(cell, "no: ")) {
				cell = inside(calls[f], cell)
			}
			line = strings.TrimSuffix(strings.TrimSpace(line), m[3]+" |") + cell + " |\n"
		}
		lines = append(lines, line)
	}
	require.NoError(t, os.WriteFile(coverage, []byte(strings.Join(lines, "")), 0o666))
}

// libuv returns the text of the installed libuv's uv.h, and its minor version.
func libuv(t *testing.T) (header string, minor int) {
	t.Helper()
	if runtime.GOOS == "windows" {
		if _, err := exec.LookPath("pkg-config"); err != nil {
			t.Skip("cross-built: the system that runs this has neither pkg-config nor libuv's header")
		}
	}
	out, err := exec.Command("pkg-config", "--variable=includedir", "libuv").Output()
	require.NoError(t, err, "pkg-config --variable=includedir libuv")
	dir := strings.TrimSpace(string(out))
	text, err := os.ReadFile(filepath.Join(dir, "uv.h"))
	require.NoError(t, err)
	version, err := os.ReadFile(filepath.Join(dir, "uv", "version.h"))
	require.NoError(t, err)
	m := regexp.MustCompile(`(?m)^#define UV_VERSION_MINOR (\d+)`).FindSubmatch(version)
	require.NotNil(t, m, "uv/version.h has no UV_VERSION_MINOR")
	minor, err = strconv.Atoi(string(m[1]))
	require.NoError(t, err)
	return comment.ReplaceAllString(string(text), ""), minor
}

func TestCoveragePageHasTheFunctionsOfTheInstalledHeader(t *testing.T) {
	header, minor := libuv(t)
	rows := page(t)
	assert.Equal(t, 318, len(rows), "rows of doc/coverage.md")
	declared := map[string]bool{}
	for _, m := range regexp.MustCompile(`\b(uv_\w+)\s*\(`).FindAllStringSubmatch(header, -1) {
		declared[m[1]] = true
	}
	exported := regexp.MustCompile(`UV_EXTERN[^;]*?\b(uv_\w+)\s*\(`).FindAllStringSubmatch(header, -1)
	require.Greater(t, len(exported), 290)
	for _, m := range exported {
		r, ok := rows[m[1]]
		assert.True(t, ok, "doc/coverage.md has no row for %s, which the header of libuv 1.%d has", m[1], minor)
		assert.LessOrEqual(t, r.since, minor, "doc/coverage.md: the header of libuv 1.%d has %s, whose row says that it is newer", minor, m[1])
	}
	for f, r := range rows {
		if r.since <= minor {
			assert.True(t, declared[f], "doc/coverage.md: the header of libuv 1.%d lacks %s, whose row says since 1.%d", minor, f, r.since)
		}
	}
}
