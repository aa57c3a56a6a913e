package wasmflow_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checkDocs holds that every exported name of a library has a comment that begins with the name.
func checkDocs(file source) []violation {
	if !file.isLibrary() {
		return nil
	}
	var broken []violation
	for _, decl := range file.ast.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Name.IsExported() && isExportedReceiver(decl.Recv) {
				broken = append(broken, checkDoc(file, decl.Pos(), decl.Doc, decl.Name)...)
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				broken = append(broken, checkSpec(file, decl, spec)...)
			}
		}
	}
	return broken
}

// checkDoc holds that a comment is there and begins with one of the names.
func checkDoc(file source, pos token.Pos, doc *ast.CommentGroup, names ...*ast.Ident) []violation {
	if doc == nil {
		return []violation{file.at(pos, "exported %s has no comment: say what it is, its units, its errors, what may be called at once", names[0].Name)}
	}
	word, _, _ := strings.Cut(strings.TrimSpace(doc.Text()), " ")
	word = strings.TrimRight(word, ",.:;\n")
	word, _, _ = strings.Cut(word, "\n")
	if !slices.ContainsFunc(names, func(name *ast.Ident) bool { return name.Name == word }) {
		return []violation{file.at(pos, "the comment of %s begins with %q: begin with the name", names[0].Name, word)}
	}
	return nil
}

// isExportedReceiver says whether a method can be seen from outside; a function has no receiver.
func isExportedReceiver(recv *ast.FieldList) bool {
	if recv == nil || len(recv.List) == 0 {
		return true
	}
	kind := recv.List[0].Type
	for {
		switch inner := kind.(type) {
		case *ast.StarExpr:
			kind = inner.X
		case *ast.IndexExpr:
			kind = inner.X
		case *ast.Ident:
			return inner.IsExported()
		default:
			return false
		}
	}
}

func checkSpec(file source, decl *ast.GenDecl, spec ast.Spec) []violation {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if !spec.Name.IsExported() {
			return nil
		}
		doc := spec.Doc
		if doc == nil {
			doc = decl.Doc
		}
		broken := checkDoc(file, spec.Pos(), doc, spec.Name)
		switch kind := spec.Type.(type) {
		case *ast.StructType:
			broken = append(broken, checkFields(file, kind.Fields, doc)...)
		case *ast.InterfaceType:
			broken = append(broken, checkFields(file, kind.Methods, doc)...)
		}
		return broken
	case *ast.ValueSpec:
		names := slices.DeleteFunc(slices.Clone(spec.Names), func(name *ast.Ident) bool { return !name.IsExported() })
		switch {
		case len(names) == 0 || spec.Doc == nil && spec.Comment != nil:
			return nil
		case spec.Doc == nil && decl.Lparen.IsValid() && decl.Doc != nil:
			return nil // a group under one comment
		case spec.Doc == nil && !decl.Lparen.IsValid():
			return checkDoc(file, spec.Pos(), decl.Doc, names...)
		}
		return checkDoc(file, spec.Pos(), spec.Doc, names...)
	}
	return nil
}

// checkFields holds that each exported field has a comment, stands in a run of lines that has one, or is named by the comment
// of its type.
func checkFields(file source, fields *ast.FieldList, typeDoc *ast.CommentGroup) []violation {
	var broken []violation
	commented, last := false, -1
	for i, field := range fields.List {
		first := file.line(field.Pos())
		if field.Doc != nil {
			first = file.line(field.Doc.Pos())
		}
		if first != last+1 { // a new run of lines
			commented = false
			for j, end := i, first-1; j < len(fields.List); j++ {
				next, begin := fields.List[j], file.line(fields.List[j].Pos())
				if next.Doc != nil {
					begin = file.line(next.Doc.Pos())
				}
				if begin != end+1 {
					break
				}
				commented, end = commented || next.Doc != nil || next.Comment != nil, file.line(next.End())
			}
		}
		last = file.line(field.End())
		for _, name := range field.Names {
			if name.IsExported() && !commented && !mentions(typeDoc, name.Name) {
				broken = append(broken, file.at(name.Pos(), "exported field %s has no comment, nor do its neighbours or its type speak of it", name.Name))
			}
		}
	}
	return broken
}

func mentions(doc *ast.CommentGroup, name string) bool {
	return doc != nil && regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(name)+`s?\b`).MatchString(doc.Text())
}

// TestPackagesAreDocumented holds that each library says in one place what it is for.
func TestPackagesAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	first := map[string]source{}
	for _, file := range tree(t) {
		if !file.isLibrary() {
			continue
		}
		folder := file.path[:strings.LastIndex(file.path, "/")+1]
		if _, seen := first[folder]; !seen {
			first[folder] = file
		}
		doc := file.ast.Doc.Text()
		documented[folder] = documented[folder] || strings.HasPrefix(doc, "Package "+file.ast.Name.Name+" ")
	}
	for folder, file := range first {
		if !documented[folder] {
			t.Errorf("%s:1: no file of the package says \"Package %s ...\": say what it is for and what it does not know", file.path, file.ast.Name.Name)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) { hold(t, checkDocs) }

func TestDocsCatch(t *testing.T) {
	catch(t, checkDocs, []sample{
		{"function", "host/a.go", "package host\nfunc New() {}\n", []int{2}},
		{"not exported", "host/a.go", "package host\nfunc new() {}\nfunc (s slot) Error() string { return s.name }\n", nil},
		{"another word first", "host/a.go", "package host\n// Makes a host.\nfunc New() {}\n", []int{3}},
		{"method", "host/a.go", "package host\n// Host runs.\ntype Host struct{}\nfunc (h *Host) Run() {}\n", []int{4}},
		{"method of a generic type", "host/a.go", "package host\nfunc (h *Host[T]) Run() {}\n", []int{2}},
		{"type", "host/a.go", "package host\ntype Host struct{}\n", []int{2}},
		{"group of constants", "host/a.go", "package host\n// Sizes.\nconst (\n\tA = 1\n\tB = 2\n)\n", nil},
		{"bare group", "host/a.go", "package host\nconst (\n\tA = 1\n\t// B is 2.\n\tB = 2\n)\n", []int{3}},
		{"wrong name in a group", "host/a.go", "package host\n// Sizes.\nconst (\n\t// A is 2.\n\tB = 2\n)\n", []int{5}},
		{"variable", "host/a.go", "package host\nvar Err = 1\n", []int{2}},
		{"two names at once", "host/a.go", "package host\n// H has hooks.\ntype H struct {\n\t// Assigned and Revoked are called.\n\tAssigned, Revoked func()\n}\n", nil},
		{"field", "host/a.go", "package host\n// H is a host.\ntype H struct {\n\tName string\n\tlag int\n}\n", []int{4}},
		{"field beside a comment", "host/a.go", "package host\n// H is a host.\ntype H struct {\n\t// Group and name.\n\tGroup string\n\tName string\n}\n", nil},
		{"field after an empty line", "host/a.go", "package host\n// H is a host.\ntype H struct {\n\t// Group.\n\tGroup string\n\n\tName string\n}\n", []int{7}},
		{"field that the type speaks of", "host/a.go", "package host\n// H has a name.\ntype H struct {\n\tName string\n}\n", nil},
		{"method of an interface", "host/a.go", "package host\n// H is a host.\ntype H interface {\n\tRun()\n}\n", []int{4}},
		{"in a test", "host/a_test.go", "package host\nfunc New() {}\n", nil},
	})
}
