module github.com/doorward/doorward/sdk

go 1.26.0

replace github.com/doorward/doorward/gen => ../gen
