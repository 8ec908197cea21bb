/** The greatest integer a column of the database can hold; a longer number can be no id. */
export const greatestInteger = 2_147_483_647;
