module example.com/c-host

go 1.26

require github.com/weft-go/weft v0.0.0

replace github.com/weft-go/weft => ../..
