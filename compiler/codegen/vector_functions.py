"""temporary"""

from collections.abc import Collection


def vector_functions(names: Collection[str], lanes: int) -> str:
    if not names:
        return ""
    if lanes == 1:
        return "#define vec_max(a,b) ((a)>(b)?(a):(b))\n#define vec_erf erff\nfloat erff(float);\n#define vec_exp expf\nfloat expf(float);\n#define vec_tanh tanhf\nfloat tanhf(float);\n#define vec_min(a,b) ((a)<(b)?(a):(b))\n"
    b = {
        4: "__builtin_ia32_maxps(a,b)",
        8: "__builtin_ia32_maxps256(a,b)",
        16: "__builtin_ia32_maxps512_mask(a,b,a,-1,4)",
    }[lanes]
    m = b.replace("max", "min")
    t = f"static inline vec vec_max(vec a, vec b) {{ return {b}; }}\nstatic inline vec vec_min(vec a, vec b) {{ return {m}; }}\n"
    for f in ("erf", "exp", "tanh"):
        t += f"float {f}f(float);static inline vec vec_{f}(vec a) {{ for (int i=0;i<{lanes};++i) a[i]={f}f(a[i]); return a; }}\n"
    return t
