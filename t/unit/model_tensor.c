
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Servers of any model: rows in, rows out.
 */


#include "model_parts.h"


/*
 * As numpy.array() does it: one type for all values, which is that of the most
 * general one; a bit for each of those that are there.
 */

static unsigned
model_types(json_t *value, json_t *like)
{
    size_t       i;
    json_t      *element;
    unsigned     types;
    const char  *name;

    model_require(json_typeof(value) == json_typeof(like)
                  || !(json_is_array(like) || json_is_object(like)),
                  "a value among arrays or objects");

    types = 0;

    if (json_is_array(value)) {
        model_require(json_array_size(value) == json_array_size(like),
                      "arrays of different lengths");

        json_array_foreach(value, i, element) {
            types |= model_types(element, json_array_get(like, i));
        }

        return types;
    }

    if (json_is_object(value)) {
        model_require(json_object_size(value) == json_object_size(like),
                      "objects of different sizes");

        json_object_foreach(value, name, element) {
            model_require(json_object_get(like, name) != NULL,
                          "objects with different names");
            types |= model_types(element, json_object_get(like, name));
        }

        return types;
    }

    return json_is_boolean(value) ? 0x100 : 1U << json_typeof(value);
}


json_t *
model_kserve(model_t *m)
{
    size_t    i;
    json_t   *instances, *instance, *list;
    unsigned  types;

    instances = model_get(m, "instances");
    model_require(json_array_size(instances) > 0, "no instances");

    types = 0;

    json_array_foreach(instances, i, instance) {
        types |= model_types(instance, json_array_get(instances, 0));
    }

    if (types & 1U << JSON_REAL) {
        types &= ~(1U << JSON_INTEGER);
    }

    m->frame ^= types;

    list = json_array();

    json_array_foreach(instances, i, instance) {
        json_array_append_new(list, (model_value(m, instance, 3) % 2)
                                    ? model_vector(m, instance)
                                    : model_word(m, instance, 4));
    }

    return json_pack("{s:o, s:s}", "predictions", list, "model_name", "m");
}


/* row i of a tensor whose rows have "row" elements */

static json_t *
model_tensor_row(json_t *data, size_t i, size_t row)
{
    size_t   k;
    json_t  *list;

    list = json_array();

    for (k = 0; k < row; k++) {
        json_array_append(list, json_is_array(json_array_get(data, 0))
                                ? json_array_get(json_array_get(data, i), k)
                                : json_array_get(data, i * row + k));
    }

    return list;
}


/* of all inputs together */

static json_t *
model_tensor_rows(model_t *m, size_t *n)
{
    size_t   i, k, row;
    json_t  *inputs, *input, *shape, *rows, *parts;

    inputs = model_get(m, "inputs");
    rows = json_array();

    *n = (size_t) json_integer_value(json_array_get(json_object_get(
                         json_array_get(inputs, 0), "shape"), 0));

    for (i = 0; i < *n; i++) {
        parts = json_array();

        json_array_foreach(inputs, k, input) {
            shape = json_object_get(input, "shape");
            row = (size_t) (json_array_size(shape) > 1
                            ? json_integer_value(json_array_get(shape, 1))
                            : 1);

            model_require(json_integer_value(json_array_get(shape, 0))
                          == (json_int_t) *n, "first dimensions differ");
            model_require(json_array_size(json_object_get(input, "data"))
                          == (json_is_array(json_array_get(
                                  json_object_get(input, "data"), 0))
                              ? *n : *n * row), "data does not fit");

            json_array_append_new(parts,
                                  model_tensor_row(json_object_get(input,
                                                                   "data"),
                                                   i, row));
        }

        json_array_append_new(rows, parts);
    }

    return rows;
}


json_t *
model_oip(model_t *m)
{
    size_t   i, n;
    json_t  *rows, *row, *y, *z, *answer;

    rows = model_tensor_rows(m, &n);
    y = json_array();
    z = json_array();

    json_array_foreach(rows, i, row) {

        if (m->frame % 2) {
            json_array_append_new(y, model_vector(m, row));

        } else {
            row = model_vector(m, row);
            json_array_extend(y, row);
            json_decref(row);
        }

        json_array_append_new(z, model_word(m, json_array_get(rows, i), 2));
    }

    json_decref(rows);

    answer = json_pack("{s:s, s:[{s:s, s:[i, i], s:s, s:o}, "
                                "{s:o, s:s, s:s, s:[i]}]}",
                       "model_name", "m", "outputs",
                       "name", "y", "shape", (int) n, 3, "datatype", "FP32",
                       "data", y,
                       "data", z, "name", "z", "datatype", "BYTES", "shape",
                       (int) n);

    if (model_get(m, "id")) {
        json_object_set(answer, "id", model_get(m, "id"));
    }

    return answer;
}
